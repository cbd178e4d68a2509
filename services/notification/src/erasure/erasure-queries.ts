import type { Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { deleteEndpoints } from '../webhook-endpoints/endpoint-queries.ts';
import { deleteEventsOf } from '../webhook-events/webhook-event-queries.ts';

/**
 * Waits until no notice is being written, and lets none begin until the transaction ends: a notice is written only
 * for people whom its statement does not see erased. People read their inbox meanwhile.
 */
export async function holdNotices(tx: Transaction<Tables>): Promise<void> {
  await sql`lock table notifications in share row exclusive mode`.execute(tx);
}

/** Remembers who has been erased. The first time counts. */
export async function markErased(tx: Transaction<Tables>, users: readonly string[], at: Date): Promise<void> {
  await tx
    .insertInto('erased_users')
    .values(users.map((user_id) => ({ user_id, erased_at: at })))
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .execute();
}

/** Empties the inboxes of these people. */
export async function deleteNotifications(tx: Transaction<Tables>, users: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('notifications')
    .where('user_id', 'in', [...users])
    .execute();
}

/**
 * Deletes these people's endpoints, then their events: an event is kept only by a statement that has locked an endpoint of its
 * owner, so that none can come once those are gone. Answers that were kept for repeats of their requests go too.
 */
export async function deleteWebhooks(tx: Transaction<Tables>, users: readonly string[]): Promise<void> {
  const query = tx
    .selectFrom('webhook_endpoints')
    .select('id')
    .where('owner_id', 'in', [...users])
    .orderBy('id');
  const endpoints = await query.forUpdate().execute();
  await deleteEndpoints(
    tx,
    endpoints.map(({ id }) => id),
  );
  await deleteEventsOf(tx, users);
  const callers = users.map((user) => formatId('usr', user));
  await tx.deleteFrom('idempotency_keys').where('caller', 'in', callers).execute();
}
