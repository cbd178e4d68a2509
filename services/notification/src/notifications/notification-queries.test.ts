import type { Database } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteNotifications } from '../erasure/erasure-queries.ts';
import type { Tables } from '../tables.ts';
import { type PlanWatch, watchPlans } from '../testing/plans.ts';
import { startTestService, type TestService } from '../testing/test-service.ts';
import {
  insertNotices,
  listNotifications,
  markAllRead,
  markRead,
  purgeNotifications,
  type Told,
} from './notification-queries.ts';

const each = 40;

let service: TestService;
let watch: PlanWatch;
let owner: Database<Tables>;
let db: Database<Tables>;

beforeAll(async () => {
  service = await startTestService();
  watch = watchPlans(service);
  ({ owner, db } = watch);
});
afterAll(async () => {
  await watch.close();
  await service.close();
});

/** So many people with `each` notices, made so many days ago and read but for one. Returns the people. */
async function fill(people: number, daysAgo: number): Promise<string[]> {
  const time = (Date.now() - daysAgo * 86_400_000).toString(16).padStart(12, '0');
  const { rows } = await sql<{ user_id: string }>`
    with person as (select gen_random_uuid() as user_id from generate_series(1, ${people}::int)),
    told as (
      insert into notifications (user_id, id, topic, title, body, data, created_at, read_at)
      select user_id, (${time} || lpad(to_hex(number), 20, '0'))::uuid, 'transaction.posted', 'title', 'body', '{}', now(),
        case when number > 1 then now() end
      from person, generate_series(1, ${each}::int) as number returning user_id
    )
    select distinct user_id from told`.execute(owner);
  await sql`analyze notifications`.execute(owner);
  return rows.map((row) => row.user_id);
}

/** How the statements that `work` sends reach the notifications: names of indexes, or what is done instead. */
const ways = (work: () => Promise<unknown>) => watch.ways('notifications', work);

describe('with many notifications', () => {
  const page = { unread: undefined, before: undefined, limit: 26 };
  const people = 1_500;
  let persons: string[];
  beforeAll(async () => {
    persons = await fill(people, 2);
  });

  it('a page is read by the primary key, the unread by their own index', async () => {
    const [person = ''] = persons;
    expect(await ways(() => listNotifications(db, person, page))).toEqual(['notifications_pkey']);
    expect(await ways(() => listNotifications(db, person, { ...page, before: newUuid() }))).toEqual([
      'notifications_pkey',
    ]);
    expect(await ways(() => listNotifications(db, person, { ...page, unread: true }))).toEqual([
      'notifications_unread',
    ]);
  });

  it('they are marked, and deleted with their person, by the same', async () => {
    const [person = '', other = ''] = persons;
    expect(await ways(() => markRead(db, person, newUuid()))).toEqual(['notifications_pkey']);
    expect(await ways(() => markAllRead(db, person))).toEqual(['notifications_unread']);
    const erase = () => db.transaction().execute((tx) => deleteNotifications(tx, [person, other]));
    expect(await ways(erase)).toEqual(['notifications_pkey']);
  });

  it('the old ones of all people are found and deleted without reading the others', async () => {
    await fill(3, 4);
    let purged = 0n;
    const found = await ways(async () => {
      purged = await purgeNotifications(db, 3);
    });
    expect(purged).toBe(BigInt(3 * each));
    expect(found).toContain('notifications_pkey');
    expect(found).not.toContain('Seq Scan');
    // Two of them were erased above.
    expect(await purgeNotifications(db, 1)).toBe(BigInt((people - 2) * each));
    expect(await db.selectFrom('notifications').select('id').execute()).toEqual([]);
  });

  it('the measure itself sees a table that is read from end to end, and sorting', async () => {
    await fill(people, 2);
    const byTitle = () => db.selectFrom('notifications').select('id').orderBy('title').execute();
    expect((await ways(byTitle)).sort()).toEqual(['Seq Scan', 'Sort']);
  });
});

it('several who tell of the same events at once, in any order, wait for each other and tell each person once', async () => {
  const user = newUuid();
  const notice = { user: formatId('usr', user), topic: 'transaction.posted', title: '', body: '', data: {} } as const;
  const told = Array.from({ length: 3 }, (): Told => ({ event: formatId('evt', newUuid()), notices: [notice] }));
  let telling: Promise<unknown> | undefined;
  const undone = service.db.transaction().execute(async (tx) => {
    await insertNotices(tx, told.slice(1, 2));
    // Both get as far as they can; were one to begin at the other end, they would block each other once this ends.
    telling = Promise.all([told, told.toReversed()].map((order) => insertNotices(service.db, order)));
    await eventually(async () => {
      const { rows } = await sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
      expect(rows).toHaveLength(2);
    });
    throw new Error('no');
  });
  await expect(undone).rejects.toThrow('no');
  await telling;
  expect(await listNotifications(db, user, { unread: true, before: undefined, limit: 10 })).toHaveLength(3);
});
