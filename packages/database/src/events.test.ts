import { sessionsRevoked } from '@florin/contracts';
import { formatId } from '@florin/service';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { appendEvents, inTransaction, keyInboxByEvent, newEvent, purgeInbox, takeFresh } from './index.ts';
import { schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const data = {
  user: 'usr_1',
  sessions: ['ses_1'],
  revokedAt: '2026-11-20T10:00:00.000Z',
  expiresAt: '2026-11-20T10:10:00.000Z',
};
const made = () => newEvent(sessionsRevoked, { source: 'florin/identity', subject: 'usr_1', data });

async function waitingForLocks(): Promise<number> {
  const { rows } = await sql`select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(sample.db);
  return rows.length;
}

describe('newEvent', () => {
  test('fills the envelope', () => {
    const time = new Date('2026-11-20T10:00:00.123Z');
    const event = newEvent(sessionsRevoked, { source: 'florin/identity', subject: 'usr_1', data, time });
    expect(event).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^evt_[0-9a-z]{26}$/),
      source: 'florin/identity',
      type: 'identity.session.revoked.v1',
      subject: 'usr_1',
      time: '2026-11-20T10:00:00.123Z',
      datacontenttype: 'application/json',
      data,
    });
  });
});

describe('the outbox', () => {
  test('keeps events in the given order', async () => {
    const events = Array.from({ length: 50 }, made);
    await appendEvents(sample.db, events);
    const rows = await sample.db.selectFrom('outbox').select('event').orderBy('position').execute();
    expect(rows.map((row) => row.event)).toEqual(events);
  });

  test('wakes the relay at the commit, once per statement, and not for a rollback', async () => {
    const notified: string[] = [];
    const client = new pg.Client({ connectionString: sample.database.url });
    await client.connect();
    client.on('notification', ({ channel }) => notified.push(channel));
    await client.query(`listen ${schema}_outbox`);
    const undone = inTransaction(sample.db, async (tx) => {
      await appendEvents(tx, [made()]);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await sql`insert into outbox (event) select unnest(${[made(), made()].map((event) => JSON.stringify(event))}::json[])`.execute(
      sample.db,
    );
    await client.query('select 1');
    expect(notified).toEqual([`${schema}_outbox`]);
    await client.end();
  });
});

describe('the inbox', () => {
  const take = (queue: string, ids: string[]) => inTransaction(sample.db, (tx) => takeFresh(tx, queue, ids));

  test('tells each event as fresh once per queue', async () => {
    expect(await take('one', ['a', 'b'])).toEqual(new Set(['a', 'b']));
    expect(await take('one', ['b', 'c', 'c'])).toEqual(new Set(['c']));
    expect(await take('two', ['a'])).toEqual(new Set(['a']));
  });

  test('a rolled back effect leaves the event fresh', async () => {
    const undone = inTransaction(sample.db, async (tx) => {
      await takeFresh(tx, 'one', ['d']);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect(await take('one', ['d'])).toEqual(new Set(['d']));
  });

  test('consumers with the same events in opposite order wait for each other', async () => {
    let ended: Promise<Set<string>[]> | undefined;
    const undone = inTransaction(sample.db, async (tx) => {
      await takeFresh(tx, 'five', ['b']);
      // Both get as far as they can; were one to begin at the other end, they would block each other once this ends.
      const taking = [
        ['a', 'b', 'c'],
        ['c', 'b', 'a'],
      ].map((ids) => sample.db.transaction().execute((other) => takeFresh(other, 'five', ids)));
      ended = Promise.all(taking);
      await eventually(async () => expect(await waitingForLocks()).toBe(2));
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    expect((await ended)?.map((fresh) => fresh.size).sort()).toEqual([0, 3]);
  });

  test('purgeInbox forgets only what was made before', async () => {
    const madeAt = (hoursAgo: number) => {
      const time = (Date.now() - hoursAgo * 3_600_000).toString(16).padStart(12, '0');
      return formatId('evt', `${time.slice(0, 8)}-${time.slice(8)}-7fff-bfff-ffffffffffff`);
    };
    const [old, young] = [madeAt(25), madeAt(23)];
    await take('three', [old, young, 'of no time']);
    expect(await purgeInbox(sample.db, 24)).toBe(1n);
    expect(await take('three', [old, young, 'of no time'])).toEqual(new Set([old]));
  });

  test('an inbox from before keeps what it knows, and serves code from before', async () => {
    const rolledBack = inTransaction(sample.db, async (tx) => {
      // Ahead of the table of the schema.
      await sql`create temp table inbox (queue text not null, event_id text not null,
        received_at timestamptz not null default now(), primary key (queue, event_id))`.execute(tx);
      await sql`create index inbox_received_at on inbox (received_at)`.execute(tx);
      const takeAsBefore = (ids: string[]) =>
        sql<{ event_id: string }>`insert into inbox (queue, event_id)
          select 'four', id from unnest(${ids}::text[]) as new (id) order by id collate "C"
          on conflict do nothing returning event_id`.execute(tx);
      await takeAsBefore(['a']);
      await keyInboxByEvent(tx);
      expect(await takeFresh(tx, 'four', ['a', 'b'])).toEqual(new Set(['b']));
      expect((await takeAsBefore(['b', 'c'])).rows).toEqual([{ event_id: 'c' }]);
      throw new Error('seen');
    });
    await expect(rolledBack).rejects.toThrow('seen');
  });
});
