import type { Database, Transaction } from '@florin/database';
import type { Tables } from '../tables.ts';
import { chainStart, hashEntry } from './audit-entry.ts';
import { type LoggedEntry, readChain } from './audit-queries.ts';

/** Whether the log is as it was written; if not, the first place where it is not, and what is wrong there. */
export type ChainVerdict =
  | { intact: true; entries: bigint }
  | { intact: false; sequence: bigint; fault: 'changed' | 'missing' | 'added' };

const entriesPerRead = 1_000;

/**
 * Recomputes the whole chain on one snapshot. A changed, removed, inserted or reordered entry is found unless whoever
 * did it also recomputed every later hash and the head: keep a copy of the newest hash elsewhere to find that too.
 */
export async function verifyAuditChain(db: Database<Tables>): Promise<ChainVerdict> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => verifyOn(tx));
}

async function verifyOn(tx: Transaction<Tables>): Promise<ChainVerdict> {
  const head = await tx.selectFrom('audit_chain_head').select(['sequence', 'hash']).executeTakeFirst();
  if (head === undefined) return { intact: false, sequence: 0n, fault: 'missing' };
  let sequence = 0n;
  let hash = chainStart;
  for (;;) {
    const entries = await readChain(tx, sequence, entriesPerRead);
    for (const entry of entries) {
      const expected = sequence + 1n;
      if (entry.sequence !== expected) return { intact: false, sequence: expected, fault: 'missing' };
      if (expected > head.sequence) return { intact: false, sequence: expected, fault: 'added' };
      if (!follows(hash, entry)) return { intact: false, sequence: expected, fault: 'changed' };
      sequence = expected;
      hash = entry.hash;
    }
    if (entries.length < entriesPerRead) break;
  }
  if (sequence < head.sequence) return { intact: false, sequence: sequence + 1n, fault: 'missing' };
  return hash.equals(head.hash) ? { intact: true, entries: sequence } : { intact: false, sequence, fault: 'changed' };
}

function follows(previous: Buffer, entry: LoggedEntry): boolean {
  return entry.previousHash.equals(previous) && entry.hash.equals(hashEntry(previous, entry));
}
