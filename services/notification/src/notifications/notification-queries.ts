import { type Database, prepare, type Transaction } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { type Selectable, sql } from 'kysely';
import type { NotificationsTable, Tables } from '../tables.ts';
import type { Notice, Notification } from './notification.ts';

type Connection = Database<Tables> | Transaction<Tables>;

function toNotification(row: Selectable<NotificationsTable>): Notification {
  const { id, topic, title, body, data } = row;
  return { id, topic, title, body, data, createdAt: row.created_at, readAt: row.read_at };
}

/** What people are told of one event; `event` is its id, `evt_…`. At most one notice a person. */
export interface Told {
  readonly event: string;
  readonly notices: readonly Notice[];
}

/**
 * Puts notices into their people's inboxes, in this order. Whoever was told of an event before is not told again, and
 * who has been erased is told nothing: one statement looks and writes, so that an erasure comes before it or after it.
 */
export async function insertNotices(db: Connection, told: readonly Told[]): Promise<void> {
  const created_at = new Date();
  const rows = told.flatMap(({ event, notices }) =>
    notices.flatMap(({ user, data, ...words }) => {
      const userId = parseId('usr', user);
      if (userId === undefined) return [];
      return [{ id: newUuid(), event_id: event, user_id: userId, ...words, data, created_at }];
    }),
  );
  if (rows.length === 0) return;
  await insertRows(db, [JSON.stringify(rows)]);
}

const insertRows = prepare(
  'insert-notices',
  `insert into notifications (id, event_id, user_id, topic, title, body, data, created_at)
   select id, event_id, user_id, topic, title, body, data, created_at
   from json_to_recordset($1) as new (id uuid, event_id text, user_id uuid, topic text, title text, body text,
     data jsonb, created_at timestamptz)
   where not exists (select from erased_users where erased_users.user_id = new.user_id)
   on conflict (event_id, user_id) do nothing`,
);

/** A page of a person's notifications, newest first: those older than the one with the id `before`. */
export async function listNotifications(
  db: Connection,
  userId: string,
  page: { unread: boolean | undefined; before: string | undefined; limit: number },
): Promise<Notification[]> {
  const { unread, before, limit } = page;
  let query = db
    .selectFrom('notifications')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (unread !== undefined) query = query.where('read_at', unread ? 'is' : 'is not', null);
  if (before !== undefined) query = query.where('id', '<', before);
  return (await query.execute()).map(toNotification);
}

/** Marks one as read and returns it; one that was read before keeps its time. Undefined when it is not this person's. */
export async function markRead(db: Connection, userId: string, id: string): Promise<Notification | undefined> {
  const row = await db
    .updateTable('notifications')
    .set({ read_at: sql<Date>`coalesce(read_at, now())` })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst();
  return row && toNotification(row);
}

/** Marks all of a person's notifications as read; returns how many were not. */
export async function markAllRead(db: Connection, userId: string): Promise<number> {
  const result = await db
    .updateTable('notifications')
    .set({ read_at: sql<Date>`now()` })
    .where('user_id', '=', userId)
    .where('read_at', 'is', null)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

const purgeAtOnce = 5_000;

/** Deletes what is older than this many days, in statements short enough for any backlog; returns how many. */
export async function purgeNotifications(db: Connection, olderThanDays: number): Promise<bigint> {
  for (let purged = 0n; ; ) {
    const old = db
      .selectFrom('notifications')
      .select('id')
      .where('created_at', '<', sql<Date>`now() - make_interval(days => ${olderThanDays})`)
      .limit(purgeAtOnce);
    const { numDeletedRows } = await db.deleteFrom('notifications').where('id', 'in', old).executeTakeFirstOrThrow();
    purged += numDeletedRows;
    if (numDeletedRows < purgeAtOnce) return purged;
  }
}
