import { type Database, inTransaction, type Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { type AuditEntry, hashEntry } from './audit-entry.ts';

const entriesPerTransaction = 500;

/**
 * Moves what waits in `audit_pending` into the chain of `audit_log`, the oldest first; returns how many. When it
 * resolves, everything that was committed before the call is in the chain.
 *
 * Any number of processes may do it at once: the lock on the head of the chain makes the sequence gap-free. Nobody who
 * waits for an answer holds that lock.
 */
export async function chainAuditEntries(db: Database<Tables>): Promise<number> {
  let total = 0;
  while (await isAnythingPending(db)) {
    const chained = await inTransaction(db, chainBatch);
    total += chained;
    if (chained < entriesPerTransaction) break;
  }
  return total;
}

async function isAnythingPending(db: Database<Tables>): Promise<boolean> {
  // Also true for entries that another process is moving: then the lock on the head waits for it.
  return (await db.selectFrom('audit_pending').select('position').limit(1).executeTakeFirst()) !== undefined;
}

async function chainBatch(tx: Transaction<Tables>): Promise<number> {
  const head = await tx
    .selectFrom('audit_chain_head')
    .select(['sequence', 'hash'])
    .forUpdate()
    .executeTakeFirstOrThrow();
  const entries = await takePending(tx);
  if (entries.length === 0) return 0;
  let { sequence, hash } = head;
  const rows = entries.map((entry) => {
    sequence += 1n;
    const previous_hash = hash;
    hash = hashEntry(previous_hash, { ...entry, sequence });
    return { ...entry, details: JSON.stringify(entry.details), sequence, previous_hash, hash };
  });
  await tx.insertInto('audit_log').values(rows).execute();
  await tx.updateTable('audit_chain_head').set({ sequence, hash }).execute();
  return rows.length;
}

async function takePending(tx: Transaction<Tables>): Promise<AuditEntry[]> {
  const { rows } = await sql<AuditEntry>`
    with taken as (
      delete from audit_pending
      where position in (select position from audit_pending order by position limit ${entriesPerTransaction})
      returning *
    )
    select id, at, actor, action, resource, details, ip from taken order by position`.execute(tx);
  return rows;
}
