import type { Transaction } from '@florin/database';
import type { Tables } from '../tables.ts';
import { lockOwner } from '../webhook-endpoints/endpoint-queries.ts';
import { deleteNotifications, deleteWebhooks, holdNotices, markErased } from './erasure-queries.ts';

/**
 * Forgets people: their notifications, webhook endpoints and what was delivered go, and what other services tell of them later
 * is not kept. May be repeated. Ids are UUIDs, at least one.
 */
export async function eraseUsers(tx: Transaction<Tables>, users: readonly string[]): Promise<void> {
  await holdNotices(tx);
  await markErased(tx, users, new Date());
  await deleteNotifications(tx, users);
  // Whoever makes an endpoint meanwhile is waited for, or finds the person erased.
  for (const user of users.toSorted()) await lockOwner(tx, user);
  await deleteWebhooks(tx, users);
}
