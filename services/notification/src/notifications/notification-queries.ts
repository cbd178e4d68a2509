import { type Database, errorCode, prepare, rowArray, type Transaction } from '@florin/database';
import { firstUuidAt, parseId } from '@florin/service';
import { type Selectable, sql } from 'kysely';
import type { NotificationsTable, Tables } from '../tables.ts';
import { type Notice, type Notification, notificationId } from './notification.ts';

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
 * Puts notices into their people's inboxes; there they are in the order of the events. Whoever was told of an event before is
 * not told again, and who has been erased is told nothing: one statement looks and writes, so that an erasure comes before it
 * or after it. Within a transaction only for events that nobody can have been told of.
 *
 * @throws {TypeError} for an event whose id is none
 */
export async function insertNotices(db: Connection, told: readonly Told[]): Promise<void> {
  const rows = told.flatMap(({ event, notices }) => {
    const eventId = parseId('evt', event);
    if (eventId === undefined) throw new TypeError(`${event} is no id of an event`);
    return notices.flatMap((notice) => {
      const userId = parseId('usr', notice.user);
      return userId === undefined ? [] : [{ ...notice, userId, id: notificationId(eventId, userId) }];
    });
  });
  if (rows.length === 0) return;
  // Neighbours in the index, and in every process in the same order: two of them with the same events don't deadlock.
  rows.sort((one, other) => compare(one.userId, other.userId) || compare(one.id, other.id));
  const values = [
    rowArray(rows, (row, { userId, id, topic, title, body, data }) => {
      row.uuid(userId);
      row.uuid(id);
      row.text(topic);
      row.text(title);
      row.text(body);
      row.jsonb(JSON.stringify(data));
    }),
  ];
  try {
    await insertAll(db, values);
  } catch (error) {
    if (errorCode(error) !== uniqueViolation) throw error;
    await insertMissing(db, values);
  }
}

const uniqueViolation = '23505';

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

const insertStatement = `
  insert into notifications (user_id, id, topic, title, body, data, created_at)
  select user_id, id, topic, title, body, data, now() from unnest($1::new_notice[]) as new
  where not exists (select from erased_users where erased_users.user_id = new.user_id)`;

const insertAll = prepare('insert-notices', insertStatement);
// To look ahead of each row whether it is there would double the cost of all that come for the first time.
const insertMissing = prepare('insert-missing-notices', `${insertStatement} on conflict do nothing`);

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

const peopleAtOnce = 1_000;
const purgeAtOnce = 5_000;

/**
 * Deletes what is older than this many days, by the time in its id; returns how many. The primary key leads from person to
 * person, each one's oldest first: nothing else is read. Statements are short enough for any backlog.
 */
export async function purgeNotifications(db: Connection, olderThanDays: number): Promise<bigint> {
  const before = firstUuidAt(Date.now() - olderThanDays * 86_400_000);
  let purged = 0n;
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const people = await readOldest(db, after, before);
    const withOld = people.filter(({ is_old }) => is_old).map(({ user_id }) => user_id);
    if (withOld.length > 0) purged += await deleteOlder(db, withOld, before);
    const last = people.at(-1);
    if (last === undefined) return purged;
    after = last.user_id;
  }
}

/** The next people with notifications, in the order of their ids, and whether the oldest one is older than that. */
async function readOldest(
  db: Connection,
  after: string,
  before: string,
): Promise<{ user_id: string; is_old: boolean }[]> {
  const { rows } = await sql<{ user_id: string; is_old: boolean }>`
    with recursive oldest (user_id, id, place) as (
      (select user_id, id, 1 from notifications where user_id > ${after} order by user_id, id limit 1)
      union all
      select next.user_id, next.id, place + 1 from oldest cross join lateral (
        select user_id, id from notifications where user_id > oldest.user_id order by user_id, id limit 1
      ) as next where place < ${peopleAtOnce}::int
    )
    select user_id, id < ${before} as is_old from oldest order by user_id`.execute(db);
  return rows;
}

async function deleteOlder(db: Connection, people: readonly string[], before: string): Promise<bigint> {
  for (let purged = 0n; ; ) {
    const { numAffectedRows = 0n } = await sql`delete from notifications where ctid = any(array(
      select ctid from notifications where user_id = any(${people}::uuid[]) and id < ${before} limit ${purgeAtOnce}
    ))`.execute(db);
    purged += numAffectedRows;
    if (numAffectedRows < purgeAtOnce) return purged;
  }
}
