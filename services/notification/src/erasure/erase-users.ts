import type { Transaction } from '@florin/database';
import type { Tables } from '../tables.ts';
import { deleteNotifications, holdNotices, markErased } from './erasure-queries.ts';

/**
 * Forgets people: their notifications go, and what other services tell of them later is not kept. May be repeated.
 * Ids are UUIDs, at least one.
 */
export async function eraseUsers(tx: Transaction<Tables>, users: readonly string[]): Promise<void> {
  await holdNotices(tx);
  await markErased(tx, users, new Date());
  await deleteNotifications(tx, users);
}
