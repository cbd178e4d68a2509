import type { CloudEvent } from '@florin/contracts';
import { eventually } from '@florin/testing';
import { describe, expect, test } from 'vitest';
import { connectTransport, type Delivery, type Settlement, type Transport } from './index.ts';
import { frozenEvent, kinds, ledgerEvent, logger, revokedEvent, useStage } from './testing/stage.ts';

const done: Settlement = { outcome: 'done' };
const queue = 'accounts.ledger';
const numbered = (count: number) => Array.from({ length: count }, (_, index) => ledgerEvent(index + 1));
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);

/** Publishes as a relay does: again until the broker takes it. */
async function publish(transport: Transport, events: readonly CloudEvent[]): Promise<void> {
  await eventually(() => transport.publish(events), { timeoutMs: 10_000 });
}

/** Consumes and remembers what came. `settle` decides for each delivery. */
function collect(
  transport: Transport,
  from: 'accounts.ledger' | 'transactions.accounts' | 'notification.inbox',
  settle: (delivery: Delivery) => Settlement | Promise<Settlement> = () => done,
) {
  const seen: (Delivery & { at: number })[] = [];
  const batches: number[] = [];
  const consumer = transport.consume(from, {}, async (batch) => {
    batches.push(batch.length);
    const settlements: Settlement[] = [];
    for (const delivery of batch) {
      seen.push({ ...delivery, at: Date.now() });
      settlements.push(await settle(delivery));
    }
    return settlements;
  });
  return { seen, batches, consumer, ids: () => seen.map(({ event }) => event.id) };
}

describe.each(kinds)('%s transport', (kind) => {
  const stage = useStage(kind);

  test('an event reaches each queue that reads its type once, also when its reader comes later', async () => {
    const transport = stage.connect();
    const event = frozenEvent(1);
    await publish(transport, [event]);
    const readers = [collect(transport, 'transactions.accounts'), collect(transport, 'notification.inbox')];
    const other = collect(transport, 'accounts.ledger');
    await eventually(() => expect(readers.map((reader) => reader.ids())).toEqual([[event.id], [event.id]]));
    expect(readers[0]?.seen[0]).toMatchObject({ event, attempt: 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([...readers, other].map((reader) => reader.ids().length)).toEqual([1, 1, 0]);
  });

  test('keeps the order of one publisher, and hands events out in batches', async () => {
    const transport = stage.connect();
    const events = numbered(1_000);
    for (let start = 0; start < 1_000; start += 250) await publish(transport, events.slice(start, start + 250));
    const reader = collect(transport, queue);
    await eventually(() => expect(reader.seen).toHaveLength(1_000));
    expect(reader.ids()).toEqual(ids(events));
    expect(reader.batches.length).toBeLessThan(50);
    expect(Math.max(...reader.batches)).toBeLessThanOrEqual(250);
  });

  test('a failed event comes again with growing delay, and is then a dead letter; its neighbours pass', async () => {
    const transport = stage.connect();
    const [before, poisonous, after] = [ledgerEvent(1), ledgerEvent(2), ledgerEvent(3)];
    const reader = collect(transport, queue, ({ event }) =>
      event.id === poisonous.id ? { outcome: 'retry', failure: 'Error: poison' } : done,
    );
    await publish(transport, [before, poisonous, after]);
    const letters = await eventually(async () => {
      const found = await transport.deadLetters(queue).list(10);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(letters).toEqual([{ event: poisonous, failure: 'Error: poison', attempts: 3 }]);
    const attempts = reader.seen.filter(({ event }) => event.id === poisonous.id);
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    const [first = 0, second = 0, third = 0] = attempts.map(({ at }) => at);
    expect(second - first).toBeGreaterThanOrEqual(90);
    expect(third - second).toBeGreaterThanOrEqual(290);
    expect(reader.ids().filter((id) => id !== poisonous.id)).toEqual([before.id, after.id]);
  });

  test('dead letters stay when looked at, and can be replayed or thrown away one by one', async () => {
    const transport = stage.connect();
    const [kept, purged, replayed] = [ledgerEvent(1), ledgerEvent(2), ledgerEvent(3)];
    let healed = false;
    const reader = collect(transport, queue, () => (healed ? done : { outcome: 'dead', failure: 'broken' }));
    await publish(transport, [kept, purged, replayed]);
    const letters = transport.deadLetters(queue);
    await eventually(async () => expect(await letters.list(10)).toHaveLength(3));
    expect(ids((await letters.list(2)).flatMap(({ event }) => event ?? []))).toEqual([kept.id, purged.id]);
    healed = true;
    expect(await letters.purge([purged.id])).toBe(1);
    expect(await letters.replay([replayed.id])).toBe(1);
    await eventually(() => expect(reader.seen.at(-1)).toMatchObject({ event: { id: replayed.id }, attempt: 1 }));
    expect((await letters.list(10)).map(({ event }) => event?.id)).toEqual([kept.id]);
    expect(await letters.replay()).toBe(1);
    await eventually(() => expect(reader.ids().filter((id) => id === kept.id)).toHaveLength(2));
    expect(await letters.list(10)).toEqual([]);
  });

  test('a batch whose handler throws is handed out again', async () => {
    const transport = stage.connect();
    let throws = 1;
    const seen: string[] = [];
    transport.consume(queue, {}, async (batch) => {
      if (throws-- > 0) throw new Error('away');
      seen.push(...batch.map(({ event }) => event.id));
      return batch.map(() => done);
    });
    const events = numbered(3);
    await publish(transport, events);
    await eventually(() => expect(seen).toEqual(ids(events)));
  });

  test('what a process had not finished when it was cut off goes to another', async () => {
    const door = await stage.proxy();
    const [doomed, other] = [stage.connect(door), stage.connect()];
    const event = ledgerEvent(1);
    const hanging = collect(doomed, queue, () => new Promise<never>(() => {}));
    await publish(other, [event]);
    await eventually(() => expect(hanging.ids()).toEqual([event.id]));
    const reader = collect(other, queue);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(reader.ids()).toEqual([]);
    door.cut();
    await eventually(() => expect(reader.ids()).toEqual([event.id]), { timeoutMs: 10_000 });
    const closing = Date.now();
    await doomed.close();
    expect(Date.now() - closing).toBeLessThan(8_000);
  });

  test('control: an event acknowledged before its effect is gone with the process that was cut off', async () => {
    const door = await stage.proxy();
    const [doomed, other] = [stage.connect(door), stage.connect()];
    const event = ledgerEvent(1);
    const early = collect(doomed, queue);
    await publish(other, [event]);
    await eventually(() => expect(early.ids()).toEqual([event.id]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const reader = collect(other, queue);
    door.cut();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(reader.ids()).toEqual([]);
  });

  test('closing a consumer finishes its batch and takes no more', async () => {
    const transport = stage.connect();
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const first = collect(transport, queue, async () => {
      await mayEnd;
      return done;
    });
    const [one, two] = [ledgerEvent(1), ledgerEvent(2)];
    await publish(transport, [one]);
    await eventually(() => expect(first.seen).toHaveLength(1));
    await publish(transport, [two]);
    const closing = first.consumer.close();
    end();
    await closing;
    const second = collect(transport, queue);
    await eventually(() => expect(second.ids()).toEqual([two.id]));
    expect(first.ids()).toEqual([one.id]);
  });

  test('a broadcast reaches every process that listens, and no durable queue', async () => {
    const [publisher, left, right] = [stage.connect(), stage.connect(), stage.connect()];
    const heard: string[] = [];
    let gaps = 0;
    for (const transport of [left, right]) {
      transport.broadcast(['identity.session.revoked.v1'], {
        onEvent: ({ id }) => {
          heard.push(id);
          throw new Error('a receiver that fails harms nobody');
        },
        onGap: () => {
          gaps += 1;
        },
      });
    }
    await eventually(() => expect(gaps).toBe(2));
    const events = [revokedEvent(1), revokedEvent(2)];
    await publish(publisher, events);
    await eventually(() => expect(heard.toSorted()).toEqual([...ids(events), ...ids(events)].toSorted()));
    expect(() => left.broadcast(['accounts.account.frozen.v1'], { onEvent: () => {} })).toThrow('durable queue');
  });

  test('a broadcast that is too large to tell is told as a gap, or told', async () => {
    const transport = stage.connect();
    let told = 0;
    transport.broadcast(['identity.session.revoked.v1'], {
      onEvent: () => {
        told += 1;
      },
      onGap: () => {
        told += 1;
      },
    });
    await eventually(() => expect(told).toBe(1));
    await publish(transport, [revokedEvent(500)]);
    await eventually(() => expect(told).toBe(2));
  });
});

test('connectTransport › refuses an address that is neither RabbitMQ nor Postgres, without repeating it', () => {
  expect(() => connectTransport({ url: 'http://user:secret@host', logger })).toThrow(/^(?!.*secret).*amqp/);
});
