import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, inTransaction, planByKey, type Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { leafHash } from './merkle-tree.ts';
import { makeSeal, type Seal } from './seal.ts';
import type { SealKey } from './seal-key.ts';
import { insertSeal, lastSeal, takeSealLock } from './seal-queries.ts';
import { type LedgerPosition, readEndedRecords, recordsPerPage } from './transaction-record.ts';

/** Transactions in a seal at most: a proof then has twelve hashes at most. */
export const maxSealSize = 4_096;

/** The database was restored in a way that lost its count of transactions: new ones would stand before sealed ones. */
export class LedgerOrderError extends Error {
  override readonly name = 'LedgerOrderError';
}

/**
 * Seals the transactions that follow the last seal, `maxSealSize` at most; undefined when there is nothing to seal or
 * another process is at it.
 *
 * The order of the ledger is (xid, id), where xid is the database transaction that wrote the row. Ids and times alone
 * will not do: a deposit's id is made long before it is posted, and lanes and replicas commit in any order. What is below
 * the snapshot's xmin has ended, in every process: nothing can turn up there any more. So each transaction is sealed
 * once and none is passed over, whatever the clocks say; a posting under way only makes the seal wait for it.
 * @throws {LedgerOrderError}
 */
export async function sealNext(db: Database<Tables>, key: SealKey, now: () => Date): Promise<Seal | undefined> {
  return await inTransaction(db, async (tx) => {
    if (!(await takeSealLock(tx))) return undefined;
    await planByKey(tx);
    const before = await lastSeal(tx);
    if (before) await assertOrder(tx, before.last);
    const members: (LedgerPosition & { leaf: Buffer })[] = [];
    let last = before?.last;
    while (members.length < maxSealSize) {
      const started = performance.now();
      const page = await readEndedRecords(tx, last);
      for (const { xid, id, record } of page) members.push({ xid, id, leaf: leafHash(record) });
      if (page.length < recordsPerPage) break;
      last = page.at(-1);
      // As long for the postings of this process as the page took.
      await sleep(performance.now() - started);
    }
    if (members.length === 0) return undefined;
    const seal = makeSeal(before, members, key, now());
    await insertSeal(tx, seal);
    return seal;
  });
}

/** A physical restore keeps the count of transactions; a dump loaded into another cluster starts it anew. */
async function assertOrder(tx: Transaction<Tables>, last: LedgerPosition): Promise<void> {
  const { rows } = await sql<{ kept: boolean }>`
    select pg_snapshot_xmax(pg_current_snapshot()) > ${last.xid}::xid8 as kept`.execute(tx);
  if (rows[0]?.kept !== true) {
    throw new LedgerOrderError(
      `The last seal ends at database transaction ${last.xid}, which this cluster has not reached: restore physically`,
    );
  }
}
