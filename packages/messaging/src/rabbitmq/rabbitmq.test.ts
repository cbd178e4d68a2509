import { eventually, testAmqpUrl } from '@florin/testing';
import { type ConfirmChannel, connect } from 'amqplib';
import { expect, test } from 'vitest';
import { frozenEvent, ledgerEvent, useStage } from '../testing/stage.ts';

const stage = useStage('rabbitmq');
const queue = 'accounts.ledger';

async function onBroker(work: (channel: ConfirmChannel) => Promise<unknown>): Promise<void> {
  const connection = await connect(await testAmqpUrl());
  const channel = await connection.createConfirmChannel();
  await work(channel);
  await channel.waitForConfirms();
  await connection.close();
}

test('publishing rejects when an event reaches no queue although one should read it', async () => {
  const transport = stage.connect();
  const event = ledgerEvent(1);
  await eventually(() => transport.publish([event]));
  const { namespace } = stage;
  await onBroker((channel) => channel.unbindQueue(`${namespace}.${queue}`, `${namespace}.events`, event.type));
  await expect(transport.publish([ledgerEvent(2)])).rejects.toThrow(`No queue takes ${event.type}`);
});

/** As the broker counts them: ready to be delivered. */
async function messagesIn(name: string): Promise<number> {
  let count = 0;
  await onBroker(async (channel) => {
    count = (await channel.checkQueue(name)).messageCount;
  });
  return count;
}

test('events of one type that follow each other are one message, a hundred at most', async () => {
  const transport = stage.connect();
  const ledger = Array.from({ length: 150 }, (_, index) => ledgerEvent(index));
  await eventually(() => transport.publish([...ledger, frozenEvent(1), ledgerEvent(151)]));
  await eventually(async () => expect(await messagesIn(`${stage.namespace}.${queue}`)).toBe(3));
  expect(await messagesIn(`${stage.namespace}.notification.inbox`)).toBe(1);
});

test('several events whose consumers crashed three times go back one by one', async () => {
  const transport = stage.connect();
  const name = `${stage.namespace}.${queue}`;
  const events = Array.from({ length: 5 }, (_, index) => ledgerEvent(index));
  await eventually(() => transport.publish(events));
  await onBroker(async (channel) => {
    for (let crash = 0; crash < 3; crash += 1) {
      const message = await eventually(async () => {
        const got = await channel.get(name);
        if (got === false) throw new Error('not there yet');
        return got;
      });
      channel.nack(message);
    }
  });
  const doomed = stage.connect();
  const hanging: string[] = [];
  doomed.consume(queue, {}, (batch) => {
    hanging.push(...batch.map(({ event }) => event.id));
    return new Promise<never>(() => {});
  });
  await eventually(() => expect(hanging).not.toEqual([]));
  await doomed.close();
  await eventually(async () => expect(await messagesIn(name)).toBe(5));
  const seen: string[] = [];
  transport.consume(queue, {}, async (batch) => {
    seen.push(...batch.map(({ event }) => event.id));
    return batch.map(() => ({ outcome: 'done' }));
  });
  await eventually(() => expect(seen.toSorted()).toEqual(events.map(({ id }) => id).toSorted()));
}, 30_000);

test('several events that the broker gave up together are a dead letter each', async () => {
  const transport = stage.connect();
  await eventually(() => transport.check());
  const events = Array.from({ length: 3 }, (_, index) => ledgerEvent(index));
  const contentType = 'application/cloudevents-batch+json';
  await onBroker(async (channel) =>
    channel.sendToQueue(`${stage.namespace}.${queue}.dead`, Buffer.from(JSON.stringify(events)), { contentType }),
  );
  const letters = transport.deadLetters(queue);
  await eventually(async () => expect((await letters.list(10)).map(({ event }) => event)).toEqual(events));
  expect(await letters.purge(events.slice(0, 1).map(({ id }) => id))).toBe(1);
  expect((await letters.list(10)).map(({ event }) => event)).toEqual(events.slice(1));
});

test('a message that is no event is a dead letter, and its neighbours pass', async () => {
  const transport = stage.connect();
  const seen: string[] = [];
  transport.consume(queue, {}, async (batch) => {
    seen.push(...batch.map(({ event }) => event.id));
    return batch.map(() => ({ outcome: 'done' }));
  });
  const event = ledgerEvent(1);
  await eventually(() => transport.check());
  await onBroker(async (channel) => {
    for (const text of ['{"__proto__":', '[]', '{"id":1}'])
      channel.sendToQueue(`${stage.namespace}.${queue}`, Buffer.from(text));
  });
  await eventually(() => transport.publish([event]));
  await eventually(() => expect(seen).toEqual([event.id]));
  const letters = await transport.deadLetters(queue).list(10);
  expect(letters).toEqual(Array(3).fill({ event: undefined, failure: 'not an event', attempts: 1 }));
});

test('a consumer that the broker cancels reads on when its queue is there again', async () => {
  const transport = stage.connect();
  const seen: string[] = [];
  transport.consume(queue, {}, async (batch) => {
    seen.push(...batch.map(({ event }) => event.id));
    return batch.map(() => ({ outcome: 'done' }));
  });
  const [before, after] = [ledgerEvent(1), ledgerEvent(2)];
  await eventually(() => transport.publish([before]));
  await eventually(() => expect(seen).toEqual([before.id]));
  const name = `${stage.namespace}.${queue}`;
  await onBroker((channel) => channel.deleteQueue(name));
  // Meanwhile it finds no queue, and its channel is closed for that.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const other = stage.connect();
  await eventually(() => other.publish([after]));
  await eventually(() => expect(seen).toEqual([before.id, after.id]), { timeoutMs: 10_000 });
});
