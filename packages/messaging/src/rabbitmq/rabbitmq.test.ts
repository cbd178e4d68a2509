import { eventually, testAmqpUrl } from '@florin/testing';
import { type ConfirmChannel, connect } from 'amqplib';
import { expect, test } from 'vitest';
import { ledgerEvent, useStage } from '../testing/stage.ts';

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
