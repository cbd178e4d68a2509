import type { Database } from '@florin/database';
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { TransactionFilter } from '../transactions/transaction-filter.ts';
import { conditionsOf, type Page, partiesOf } from '../transactions/transaction-queries.ts';
import type { ViewedTransaction } from '../transactions/transaction-view.ts';
import { type PendingTransfer, viewPending } from './pending-view.ts';

const all = sql`(
  select id, from_account_id as "from", to_account_id as "to", owner_id as "ownerId", amount, fee, currency, description,
    metadata, initiated_by as "initiatedBy", trace_id as "traceId", created_at, created_at as "createdAt", outcome, reason,
    'transfer' as type
  from pending_transfers left join approval_decisions using (id)
) as waiting`;

/** The transfer as it was left waiting, whatever has become of it. */
export async function findPending(db: Database<Tables>, id: string): Promise<PendingTransfer | undefined> {
  const { rows } = await sql<PendingTransfer>`select * from ${all} where id = ${id}`.execute(db);
  return rows[0];
}

/** It as a transaction with the owner who may see it; undefined where there is none or it has been posted. */
export async function findWaiting(
  db: Database<Tables>,
  id: string,
): Promise<{ transaction: ViewedTransaction; ownerIds: string[] } | undefined> {
  const pending = await findPending(db, id);
  if (!pending || pending.outcome === 'approved') return undefined;
  const [transaction] = await viewAll(db, [pending]);
  return transaction && { transaction, ownerIds: [pending.ownerId] };
}

/** Those that give from one of the accounts, or all there are, and are not posted; the newest first. */
export async function listWaiting(
  db: Database<Tables>,
  accountIds: readonly string[] | 'all',
  filter: TransactionFilter,
  { before, limit }: Page,
): Promise<ViewedTransaction[]> {
  const outcome = outcomeOf(filter);
  if (!outcome) return [];
  const conditions = [outcome, ...conditionsOf(filter)];
  if (accountIds !== 'all') conditions.push(sql`"from" = any (${[...accountIds]}::uuid[])`);
  if (before !== undefined) conditions.push(sql`id < ${before}`);
  const { rows } = await sql<PendingTransfer>`
    select * from ${all} where ${sql.join(conditions, sql` and `)} order by id desc limit ${limit}`.execute(db);
  return await viewAll(db, rows);
}

function outcomeOf({ status }: TransactionFilter): RawBuilder<unknown> | undefined {
  if (status === undefined) return sql`outcome is distinct from 'approved'`;
  // By their holds: those decided on are many after a while, and the waiting few.
  if (status === 'pending_approval') {
    return sql`id in (select id from holds where status = 'active' and purpose = 'approval')`;
  }
  return status === 'rejected' ? sql`outcome = 'rejected'` : undefined;
}

async function viewAll(db: Database<Tables>, rows: readonly PendingTransfer[]): Promise<ViewedTransaction[]> {
  if (rows.length === 0) return [];
  const party = await partiesOf(
    db,
    rows.flatMap((row) => [row.from, row.to]),
  );
  return rows.map((row) => viewPending(row, party(row.from), party(row.to)));
}
