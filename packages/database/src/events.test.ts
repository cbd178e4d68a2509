import { sessionsRevoked } from '@florin/contracts';
import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { appendEvents, inTransaction, newEvent, purgeInbox, takeFresh } from './index.ts';
import { schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const data = {
  user: 'usr_1',
  sessions: ['ses_1'],
  revokedAt: '2026-11-20T10:00:00.000Z',
  expiresAt: '2026-11-20T10:10:00.000Z',
};
const made = () => newEvent(sessionsRevoked, { source: 'florin/identity', subject: 'usr_1', data });

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

  test('two consumers with the same events in opposite order: each event is fresh once', async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `same-${index}`);
    const [left, right] = await Promise.all([take('one', ids), take('one', ids.toReversed())]);
    expect(left.size + right.size).toBe(200);
  });

  test('purgeInbox forgets only what is older', async () => {
    await take('three', ['old', 'young']);
    await sql`update inbox set received_at = now() - interval '25 hours' where event_id = 'old'`.execute(sample.db);
    expect(await purgeInbox(sample.db, 24)).toBe(1n);
    expect(await take('three', ['old', 'young'])).toEqual(new Set(['old']));
  });
});
