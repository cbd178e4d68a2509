import type { Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

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
