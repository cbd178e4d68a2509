import type { Database, Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { type ErasureAttempt, leaseMs, retryMs } from './erasure.ts';

const inMs = (ms: number) => sql<Date>`now() + ${ms} * interval '1 millisecond'`;

/**
 * Writes the wish down and takes it for a first attempt; undefined while another process is at it. The user must be
 * locked.
 */
export async function beginErasure(
  tx: Transaction<Tables>,
  wish: Omit<ErasureAttempt, 'attempt'>,
): Promise<ErasureAttempt | undefined> {
  const { userId, requestedBy, ip } = wish;
  const { rows } = await sql<{ attempt: bigint }>`
    insert into erasures (user_id, attempt, requested_by, ip, requested_at, claimed, due_at)
    values (${userId}, 1, ${requestedBy}, ${ip}, now(), true, ${inMs(leaseMs)})
    on conflict (user_id) do update set attempt = erasures.attempt + 1, requested_by = excluded.requested_by,
      ip = excluded.ip, requested_at = coalesce(case when erasures.due_at is not null then erasures.requested_at end, now()),
      claimed = true, due_at = excluded.due_at
    where not erasures.claimed or erasures.due_at <= now()
    returning attempt`.execute(tx);
  return rows[0] && { ...wish, attempt: rows[0].attempt };
}

/** Takes wishes that are due for another attempt; nobody else gets them before the lease is over. */
export async function claimErasures(db: Database<Tables>, limit: number): Promise<ErasureAttempt[]> {
  const { rows } = await sql<ErasureAttempt>`
    update erasures set attempt = attempt + 1, claimed = true, due_at = ${inMs(leaseMs)}
    where user_id in (
      select user_id from erasures where due_at <= now() order by due_at limit ${limit} for update skip locked)
    returning user_id as "userId", attempt, requested_by as "requestedBy", ip`.execute(db);
  return rows;
}

/** Whether this is still the newest attempt; if so, it stays so until the transaction ends. */
export async function holdsErasure(
  tx: Transaction<Tables>,
  { userId, attempt }: Pick<ErasureAttempt, 'userId' | 'attempt'>,
): Promise<boolean> {
  const query = tx.selectFrom('erasures').select('user_id').where('user_id', '=', userId);
  return (
    (await query.where('attempt', '=', attempt).where('claimed', '=', true).forUpdate().executeTakeFirst()) !==
    undefined
  );
}

/** Leaves the wish for a later attempt, unless there is a newer one already. */
export async function postponeErasure(
  db: Kysely<Tables>,
  { userId, attempt }: Pick<ErasureAttempt, 'userId' | 'attempt'>,
): Promise<void> {
  await db
    .updateTable('erasures')
    .set({ claimed: false, due_at: inMs(retryMs) })
    .where('user_id', '=', userId)
    .where('attempt', '=', attempt)
    .execute();
}

/** Drops a refused wish; the row stays, so that the next attempt has a higher number. Nothing when it is an older one. */
export async function dropErasure(
  tx: Transaction<Tables>,
  { userId, attempt }: Pick<ErasureAttempt, 'userId' | 'attempt'>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('erasures')
    .set({ claimed: false, due_at: null, ip: null })
    .where('user_id', '=', userId)
    .where('attempt', '=', attempt)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** How many seconds the oldest wish has waited, 0 where none waits. */
export async function oldestErasureSeconds(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select coalesce(extract(epoch from now() - min(requested_at)), 0)::float8 as seconds
    from erasures where due_at is not null`.execute(db);
  return rows[0]?.seconds ?? 0;
}
