import { type CloudEvent, ledgerAccountOpened } from '@florin/contracts';
import { appendEvents, inTransaction, type Transaction } from '@florin/database';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import pg from 'pg';
import { register } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { startRelay, startSubscriptions, subscribe, type Transport } from './index.ts';
import { opened, ready } from './parcel.ts';
import { appendPacked, kinds, ledgerEvent, logger, type SampleTables, schema, useStage } from './testing/stage.ts';

const queue = 'accounts.ledger';
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => ledgerEvent(index + 1));

async function recordEffects(tx: Transaction<SampleTables>, events: readonly CloudEvent[]): Promise<void> {
  await sql`insert into effects (event_id) select unnest(${ids(events)}::text[])`.execute(tx);
}

describe.each(kinds)('relay and subscriptions over %s', (kind) => {
  const stage = useStage(kind);

  const relay = (transport: Transport) =>
    stage.closeLater(startRelay({ databaseUrl: stage.database.url, schema, transport, logger }));

  const reader = (transport: Transport, handle = recordEffects) =>
    stage.closeLater(
      startSubscriptions({
        transport,
        db: stage.db,
        subscriptions: [subscribe(ledgerAccountOpened, queue, handle)],
        logger,
      }),
    );

  async function effectsOf(events: readonly CloudEvent[]): Promise<string[]> {
    const rows = await stage.db
      .selectFrom('effects')
      .select('event_id')
      .where('event_id', 'in', ids(events))
      .orderBy('position')
      .execute();
    return rows.map((row) => row.event_id);
  }

  async function outboxSize(): Promise<number> {
    return (await stage.db.selectFrom('outbox').select('position').execute()).length;
  }

  test('a committed change takes effect at its reader, in order and once; the outbox is empty then', async () => {
    const transport = stage.connect();
    relay(transport);
    reader(transport);
    const events = numbered(1_200);
    await inTransaction(stage.db, (tx) => appendEvents(tx, events));
    await eventually(async () => expect(await effectsOf(events)).toHaveLength(1_200), { timeoutMs: 10_000 });
    expect(await effectsOf(events)).toEqual(ids(events));
    await eventually(async () => expect(await outboxSize()).toBe(0));
  });

  test('packed events take effect in order and once, beside single ones; one that fails, fails alone', async () => {
    const transport = stage.connect();
    relay(transport);
    reader(transport);
    const poisonous = { ...ledgerEvent(1), data: { account: 'me' } };
    const [first, single, rest] = [numbered(230), ledgerEvent(231), numbered(20)];
    await appendPacked(stage.db, first);
    await appendEvents(stage.db, [single]);
    await appendPacked(stage.db, [...rest.slice(0, 10), poisonous, ...rest.slice(10)]);
    const good = [...first, single, ...rest];
    await eventually(async () => expect(await effectsOf(good)).toEqual(ids(good)), { timeoutMs: 10_000 });
    const letters = await eventually(async () => {
      const found = await transport.deadLetters(queue).list(5);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(letters).toMatchObject([{ event: { id: poisonous.id } }]);
    await eventually(async () => expect(await outboxSize()).toBe(0));
  });

  test('drains at 2,000 events a second or more, from outbox to effect', async () => {
    const transport = stage.connect();
    const events = numbered(10_000);
    for (let start = 0; start < events.length; start += 2_000) {
      await appendEvents(stage.db, events.slice(start, start + 2_000));
    }
    await eventually(() => transport.check());
    const started = Date.now();
    relay(transport);
    reader(transport);
    await eventually(async () => expect(await effectsOf(events.slice(-1))).toHaveLength(1), { timeoutMs: 10_000 });
    expect(Date.now() - started).toBeLessThan(5_000);
    await eventually(async () => expect(await effectsOf(events)).toHaveLength(10_000));
  });

  test('a commit wakes the relay: the effect does not wait for polls', async () => {
    const transport = stage.connect();
    relay(transport);
    reader(transport);
    const warm = [ledgerEvent(1)];
    await appendEvents(stage.db, warm);
    await eventually(async () => expect(await effectsOf(warm)).toHaveLength(1));
    const times: number[] = [];
    for (const event of [ledgerEvent(2), ledgerEvent(3), ledgerEvent(4)]) {
      const committed = Date.now();
      await appendEvents(stage.db, [event]);
      await eventually(async () => expect(await effectsOf([event])).toHaveLength(1));
      times.push(Date.now() - committed);
    }
    // By polls alone each would take the second that has just begun.
    expect(Math.min(...times)).toBeLessThan(700);
  });

  test('every event three times, shuffled and in parallel: one effect each', async () => {
    const transport = stage.connect();
    for (let count = 0; count < 3; count++) reader(stage.connect());
    const events = numbered(300);
    const shuffled = [...events, ...events, ...events].sort(() => Math.random() - 0.5);
    await eventually(() => transport.publish(shuffled.slice(0, 300)));
    await Promise.all([transport.publish(shuffled.slice(300, 600)), transport.publish(shuffled.slice(600))]);
    await eventually(async () => expect(await effectsOf(events)).toHaveLength(300), { timeoutMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await effectsOf(events)).toSorted()).toEqual(ids(events).toSorted());
  });

  test('control: the same without the inbox has three effects each', async () => {
    const transport = stage.connect();
    const events = numbered(10);
    const seen: string[] = [];
    transport.consume(queue, {}, async (batch) => {
      seen.push(...ids(batch.map(({ event }) => event)));
      return batch.map(() => ({ outcome: 'done' }));
    });
    await eventually(() => transport.publish([...events, ...events, ...events]));
    await eventually(() => expect(seen).toHaveLength(30));
  });

  test('a poisonous event fails alone: its neighbours take effect once, it ends among the dead letters', async () => {
    const transport = stage.connect();
    const events = numbered(20);
    const poison = events[7]?.id;
    reader(transport, async (tx, batch) => {
      await recordEffects(tx, batch);
      if (ids(batch).includes(poison ?? '')) throw new Error('poison');
    });
    await eventually(() => transport.publish(events));
    await eventually(
      async () => expect((await transport.deadLetters(queue).list(5)).map(({ event }) => event?.id)).toEqual([poison]),
      { timeoutMs: 10_000 },
    );
    expect(await effectsOf(events)).toEqual(ids(events).filter((id) => id !== poison));
  });

  test('an event whose data does not fit is a dead letter at once', async () => {
    const transport = stage.connect();
    reader(transport);
    const [wrong, right] = [{ ...ledgerEvent(1), data: { account: 'me' } }, ledgerEvent(2)];
    await eventually(() => transport.publish([wrong, right]));
    await eventually(async () => expect(await effectsOf([wrong, right])).toEqual([right.id]));
    const letters = await eventually(async () => {
      const found = await transport.deadLetters(queue).list(5);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(letters).toMatchObject([
      { event: { id: wrong.id }, attempts: 1, failure: expect.stringContaining('account') },
    ]);
  });

  test('killed between publish and delete: published twice, one effect', async () => {
    const transport = stage.connect();
    const published: string[] = [];
    const cutOnce: Transport = {
      ...transport,
      publish: async (parcels) => {
        await transport.publish(parcels);
        published.push(...ids(opened(parcels.map(ready))));
        if (published.length === parcels.length) await endSessions(stage.database.adminUrl, `${schema}-relay`);
      },
    };
    reader(transport);
    const events = numbered(5);
    await eventually(() => transport.check());
    relay(cutOnce);
    await appendEvents(stage.db, events);
    await eventually(() => expect(published.length).toBeGreaterThanOrEqual(10), { timeoutMs: 10_000 });
    await eventually(async () => expect(await outboxSize()).toBe(0));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await effectsOf(events)).toEqual(ids(events));
  });

  test('of two relays one works; the other takes over within two seconds', async () => {
    const transport = stage.connect();
    const workers: string[] = [];
    const named = (name: string): Transport => ({
      ...transport,
      publish: async (events) => {
        await transport.publish(events);
        workers.push(name);
      },
    });
    await eventually(() => transport.check());
    const first = relay(named('first'));
    await appendEvents(stage.db, [ledgerEvent(1)]);
    await eventually(async () => expect(await outboxSize()).toBe(0));
    relay(named('second'));
    await appendEvents(stage.db, [ledgerEvent(2)]);
    await eventually(async () => expect(await outboxSize()).toBe(0));
    expect(new Set(workers)).toEqual(new Set(['first']));
    await first.close();
    const closed = Date.now();
    await appendEvents(stage.db, [ledgerEvent(3)]);
    await eventually(async () => expect(await outboxSize()).toBe(0));
    expect(Date.now() - closed).toBeLessThan(2_000);
    expect(workers.at(-1)).toBe('second');
  });

  test('broker away: publishing is refused, nothing is lost, and the outbox drains afterwards', async () => {
    const door = await stage.proxy();
    door.cut();
    const transport = stage.connect(door);
    relay(transport);
    reader(transport);
    const events = numbered(50);
    await appendEvents(stage.db, events.slice(0, 25));
    await expect(transport.publish([ledgerEvent(1)])).rejects.toThrow();
    await expect(transport.check()).rejects.toThrow();
    expect(await outboxSize()).toBe(25);
    door.resume();
    await eventually(async () => expect(await effectsOf(events)).toHaveLength(25), { timeoutMs: 15_000 });
    door.cut();
    await appendEvents(stage.db, events.slice(25));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await outboxSize()).toBe(25);
    door.resume();
    await eventually(async () => expect(await outboxSize()).toBe(0), { timeoutMs: 15_000 });
    await eventually(async () => expect(await effectsOf(events)).toEqual(ids(events)), { timeoutMs: 15_000 });
  }, 60_000);

  test('broker frozen: publishing fails within its deadline, and everything arrives when it goes on', async () => {
    const door = await stage.proxy();
    const transport = stage.connect(door);
    reader(stage.connect());
    await eventually(() => transport.publish([ledgerEvent(1)]));
    door.freeze();
    const frozen = Date.now();
    const event = ledgerEvent(2);
    await expect(transport.publish([event])).rejects.toThrow();
    expect(Date.now() - frozen).toBeLessThan(6_000);
    door.resume();
    await eventually(() => transport.publish([event]), { timeoutMs: 15_000 });
    await eventually(async () => expect(await effectsOf([event])).toEqual([event.id]));
  }, 60_000);

  test('database away: the events wait, without counting as failed', async () => {
    const transport = stage.connect();
    let away = true;
    let calls = 0;
    reader(transport, async (tx, events) => {
      calls += 1;
      if (away) throw Object.assign(new Error('the database is shutting down'), { code: '57P01' });
      await recordEffects(tx, events);
    });
    const event = ledgerEvent(1);
    await eventually(() => transport.publish([event]));
    await eventually(() => expect(calls).toBeGreaterThan(5), { timeoutMs: 15_000 });
    away = false;
    await eventually(async () => expect(await effectsOf([event])).toEqual([event.id]));
    expect(await transport.deadLetters(queue).list(5)).toEqual([]);
  });

  test('metrics say what became of the events', async () => {
    const transport = stage.connect();
    reader(transport);
    const event = ledgerEvent(1);
    await eventually(() => transport.publish([event, event]));
    await eventually(async () => expect(await effectsOf([event])).toEqual([event.id]));
    const text = await register.metrics();
    for (const outcome of ['done', 'duplicate', 'retry', 'dead']) {
      expect(text).toMatch(
        new RegExp(`events_consumed_total\\{queue="${queue}",type="[^"]+",outcome="${outcome}"\\} [1-9]`),
      );
    }
    expect(text).toMatch(/outbox_published_total\{schema="messaging_sample"\} [1-9]/);
    expect(text).toMatch(/events_consume_lag_seconds_count\{queue="accounts.ledger"\} [1-9]/);
  });
});

async function endSessions(adminUrl: string, applicationName: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
    applicationName,
  ]);
  await client.end();
}
