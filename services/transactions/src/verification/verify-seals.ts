import type { Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { sql } from 'kysely';
import { leafHash, merkleRoot } from '../seals/merkle-tree.ts';
import { flawOf, type Seal } from '../seals/seal.ts';
import { sealsAfter } from '../seals/seal-queries.ts';
import { readRecordsById } from '../seals/transaction-record.ts';
import type { Tables } from '../tables.ts';

/** What the seals came to. */
export interface SealsVerdict {
  /** The first thing that is wrong. */
  readonly flaw?: string;
  readonly seals: number;
  readonly sealed: number;
}

const recordsAtOnce = 1_024;

/**
 * Follows the chain of seals from the first one, and compares every sealed transaction, as it is recorded now, with what
 * its seal recorded. One seal is in memory at a time.
 */
export async function verifySeals(tx: Transaction<Tables>, trustedKeys: ReadonlySet<string>): Promise<SealsVerdict> {
  let before: Seal | undefined;
  let seals = 0;
  let sealed = 0;
  for (;;) {
    const [seal] = await sealsAfter(tx, before?.number ?? 0n, 1);
    if (!seal) break;
    const flaw = flawOf(seal, before, trustedKeys) ?? flawOfMembers(seal);
    if (flaw !== undefined) return { flaw: `seal ${seal.number} ${flaw}`, seals, sealed };
    const changed = await changedMember(tx, seal);
    if (changed !== undefined) return { flaw: changed, seals, sealed };
    before = seal;
    seals += 1;
    sealed += seal.size;
  }
  const smuggled = before && (await smuggledTransaction(tx, before, sealed));
  return { ...(smuggled !== undefined && { flaw: smuggled }), seals, sealed };
}

function flawOfMembers(seal: Seal): string | undefined {
  const fits =
    seal.members.length === seal.size &&
    seal.leaves.length === seal.size &&
    seal.members.at(-1) === seal.last.id &&
    merkleRoot(seal.leaves).equals(seal.root);
  return fits ? undefined : 'lists other transactions than those it was made of';
}

async function changedMember(tx: Transaction<Tables>, seal: Seal): Promise<string | undefined> {
  for (let from = 0; from < seal.size; from += recordsAtOnce) {
    const ids = seal.members.slice(from, from + recordsAtOnce);
    const found = await readRecordsById(tx, ids);
    const records = new Map(found.map(({ id, record }) => [id, record]));
    for (const [index, id] of ids.entries()) {
      const record = records.get(id);
      const name = `transaction ${formatId('txn', id)}`;
      if (record === undefined) return `${name} of seal ${seal.number} is missing`;
      const leaf = seal.leaves[from + index];
      if (!leaf?.equals(leafHash(record))) return `${name} or its entries are not what seal ${seal.number} recorded`;
    }
  }
  return undefined;
}

/** A transaction that stands among the sealed ones without being one of them. */
async function smuggledTransaction(tx: Transaction<Tables>, last: Seal, sealed: number): Promise<string | undefined> {
  const passed = sql`(xid, id) <= (${last.last.xid}::xid8, ${last.last.id}::uuid)`;
  const { rows } = await sql<{ count: bigint }>`select count(*) from transactions where ${passed}`.execute(tx);
  if (rows[0]?.count === BigInt(sealed)) return undefined;
  const { rows: extra } = await sql<{ id: string }>`
    select id from transactions where ${passed} and not exists (
      select from (select unnest(members) as id from ledger_seals) as sealed where sealed.id = transactions.id
    ) order by id limit 1`.execute(tx);
  const [first] = extra;
  return first
    ? `transaction ${formatId('txn', first.id)} stands among sealed ones, and no seal has it`
    : `the seals have ${sealed} transactions, the ledger ${rows[0]?.count} up to the last of them`;
}
