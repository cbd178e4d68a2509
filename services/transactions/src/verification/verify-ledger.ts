import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { verifyBooks } from './verify-books.ts';
import { verifySeals } from './verify-seals.ts';

/** What verifying came to: one line. */
export interface Verdict {
  readonly sound: boolean;
  readonly line: string;
}

/**
 * Recomputes the whole ledger as it is at one instant, next to whatever is being posted, and stops at the first row that
 * is wrong. It only reads. `trustedKeys` names the keys that seals may be signed with, see SealKey.
 *
 * What no seal has yet can still be changed unseen in its words (a description), not in its amounts; whoever could
 * remove the last seals with all that came after could have done so: compare the count with a seal kept elsewhere.
 */
export async function verifyLedger(db: Database<Tables>, trustedKeys: ReadonlySet<string>): Promise<Verdict> {
  const consistent = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return await consistent.execute(async (tx) => {
    // Memory of the database for sorting a million entries at a time; more is sorted on its disk.
    await sql`set local work_mem = '64MB'`.execute(tx);
    const broken = await verifyBooks(tx);
    if (broken !== undefined) return { sound: false, line: broken };
    const { flaw, seals, sealed } = await verifySeals(tx, trustedKeys);
    if (flaw !== undefined) return { sound: false, line: flaw };
    const { rows } = await sql<{ entries: bigint; transactions: bigint }>`
      select (select count(*) from entries) as entries, (select count(*) from transactions) as transactions`.execute(
      tx,
    );
    const { entries = 0n, transactions = 0n } = rows[0] ?? {};
    const unsealed = transactions - BigInt(sealed);
    return {
      sound: true,
      line: `sound: ${entries} entries, ${transactions} transactions, ${seals} seals; ${unsealed} not sealed yet`,
    };
  });
}
