import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Hold, HoldStatus } from '../engine/hold.ts';
import type { Tables } from '../tables.ts';

/** A hold with the owners of its account and of its destination (uuids). */
export interface OwnedHold extends Hold {
  readonly ownerId: string | null;
  readonly toOwnerId: string | null;
}

/** Which holds a list shows. */
export interface HoldFilter {
  /** uuids: on one of these accounts, or for one. */
  readonly accounts: readonly string[];
  readonly status?: HoldStatus | undefined;
  /** Older than this one (uuid). */
  readonly before?: string | undefined;
}

/** The hold with this id. */
export async function findHold(db: Database<Tables>, id: string): Promise<OwnedHold | undefined> {
  return await holds(db).where('hold.id', '=', id).executeTakeFirst();
}

const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Holds, the newest first. Each account's part is read from an index; it is asked for by account and id together, so that
 * Postgres does not look through everybody's holds instead.
 */
export async function listHolds(
  db: Database<Tables>,
  { accounts, status, before = lastUuid }: HoldFilter,
  limit: number,
): Promise<OwnedHold[]> {
  const side = (name: 'account_id' | 'to_account_id') => {
    const column = sql.ref(name);
    const ofStatus = status === undefined ? sql`true` : sql`status = ${status}`;
    return sql`(select id from holds
      where (${column}, id) < (mine.id, ${before}::uuid) and ${column} >= mine.id and ${ofStatus}
      order by ${column} desc, id desc limit ${limit})`;
  };
  const { rows } = await sql<{ id: string }>`
    select distinct one.id from unnest(${[...accounts]}::uuid[]) as mine (id)
    cross join lateral (${side('account_id')} union all ${side('to_account_id')}) as one
    order by one.id desc limit ${limit}`.execute(db);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  return await holds(db).where('hold.id', 'in', ids).orderBy('hold.id', 'desc').execute();
}

/** Active authorizations whose time was up at `now`, the longest due first, without those in `except`. */
export async function dueHolds(
  db: Database<Tables>,
  now: Date,
  limit: number,
  except: readonly string[],
): Promise<{ id: string; accountId: string }[]> {
  return await db
    .selectFrom('holds')
    .select(['id', 'account_id as accountId'])
    .where('status', '=', 'active')
    .where('expires_at', '<=', now)
    .$if(except.length > 0, (query) => query.where('id', 'not in', except))
    .orderBy('expires_at')
    .limit(limit)
    .execute();
}

function holds(db: Database<Tables>) {
  return db
    .selectFrom('holds as hold')
    .innerJoin('ledger_accounts as payer', 'payer.id', 'hold.account_id')
    .leftJoin('ledger_accounts as payee', 'payee.id', 'hold.to_account_id')
    .select([
      'hold.id',
      'hold.purpose',
      'hold.account_id as accountId',
      'hold.to_account_id as toAccountId',
      'hold.amount',
      'hold.captured_amount as capturedAmount',
      'hold.currency',
      'hold.status',
      'hold.description',
      'hold.initiated_by as initiatedBy',
      'hold.trace_id as traceId',
      'hold.expires_at as expiresAt',
      'hold.created_at as createdAt',
      'hold.updated_at as updatedAt',
      'payer.owner_id as ownerId',
      'payee.owner_id as toOwnerId',
    ]);
}
