import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent } from '@florin/contracts';
import type { Channel, ConsumeMessage } from 'amqplib';
import { withDeadline } from '../deadline.ts';
import { describeFailure } from '../retry-policy.ts';
import type { BatchHandler, Closable, ConsumeOptions, Delivery, Settlement } from '../transport.ts';
import { type BatchQueue, createBatchQueue } from './batch-queue.ts';
import { keepChannel } from './channel.ts';
import type { Connection } from './connection.ts';
import { createFailedEvents, type FailedEvents, type FailedEventsParts } from './failed-events.ts';
import { attemptOf, eventsOf, isBatch, returnsOf } from './message.ts';
import { namesOf } from './topology.ts';

/** What a consumer of one queue is made of. */
export interface ConsumerParts extends FailedEventsParts {
  connection: Connection;
  options: ConsumeOptions;
  handle: BatchHandler;
}

const pauseAfterThrowMs = 1_000;
const cancelTimeoutMs = 1_000;

/** Messages that the broker sends ahead. One may hold a hundred events, so their number is what memory they take. */
const prefetched = 32;
/** From then on a message with several events is suspected of holding one that crashes its consumer. */
const splitAfterReturns = 3;

const notAnEvent = { outcome: 'dead', failure: 'not an event' } as const;

/** A message with its events; undefined where it has none. */
interface Received {
  message: ConsumeMessage;
  events: readonly CloudEvent[] | undefined;
}

/** Reads one queue, batch after batch. A message is acknowledged only after all its events are handled. */
export function startConsumer(parts: ConsumerParts): Closable {
  const batchSize = parts.options.batchSize ?? 100;
  const batchWaitMs = parts.options.batchWaitMs ?? 5;
  const queueName = namesOf(parts.settings.namespace).queue(parts.queue);
  return keepChannel(parts.connection, parts.settings.logger, async (channel, ended) => {
    await channel.prefetch(prefetched);
    const waiting = createBatchQueue<Received>(batchSize, batchWaitMs, ({ events }) => events?.length ?? 1);
    ended.addEventListener('abort', () => waiting.end(), { once: true });
    const { consumerTag } = await channel.consume(queueName, (message) => {
      // The broker ends a consumer whose queue went away.
      if (message === null) waiting.end();
      else waiting.push({ message, events: eventsOf(message) });
    });
    const working = work(parts, channel, waiting, ended);
    return {
      finished: working,
      stop: async () => {
        // Ended first: what arrives until the broker has cancelled goes back when the channel closes.
        waiting.end();
        await withDeadline(channel.cancel(consumerTag), cancelTimeoutMs, 'RabbitMQ did not answer').catch(() => {});
        await working;
      },
    };
  });
}

async function work(
  parts: ConsumerParts,
  channel: Channel,
  waiting: BatchQueue<Received>,
  ended: AbortSignal,
): Promise<void> {
  for (let batch = await waiting.next(); batch.length > 0; batch = await waiting.next()) {
    await handleBatch(parts, channel, batch, ended);
  }
}

async function handleBatch(
  parts: ConsumerParts,
  channel: Channel,
  received: readonly Received[],
  ended: AbortSignal,
): Promise<void> {
  const failed = createFailedEvents(parts);
  const batch = await withoutSuspects(failed, channel, received, ended);
  const deliveries = batch.flatMap(({ message, events = [] }) =>
    events.map((event) => ({ message, event, attempt: attemptOf(message) })),
  );
  const settlements = await handle(parts, deliveries, ended);
  if (settlements === undefined) {
    for (const { message } of batch) if (!ended.aborted) channel.nack(message);
    return;
  }
  for (const { message, events } of batch) {
    if (events === undefined) await failed.moveOn(message, undefined, notAnEvent, ended);
  }
  for (const [index, { message, event }] of deliveries.entries()) {
    const settlement = settlements[index] ?? { outcome: 'done' };
    if (settlement.outcome !== 'done') await failed.moveOn(message, event, settlement, ended);
  }
  // All up to the last: batches come one after the other. Without the channel the broker delivers them again.
  const last = batch.at(-1);
  if (last !== undefined && !ended.aborted) channel.ack(last.message, true);
}

/** Several events whose consumers crash again and again are put back one by one, so that only the one to blame is given up. */
async function withoutSuspects(
  failed: FailedEvents,
  channel: Channel,
  received: readonly Received[],
  ended: AbortSignal,
): Promise<readonly Received[]> {
  const isSuspect = ({ message, events }: Received) =>
    events !== undefined && isBatch(message) && returnsOf(message) >= splitAfterReturns;
  for (const { message, events = [] } of received.filter(isSuspect)) {
    await failed.separate(events, ended);
    if (!ended.aborted) channel.ack(message);
  }
  return received.filter((one) => !isSuspect(one));
}

/** What became of the deliveries; undefined, after a pause, when they could not be handled at all. */
async function handle(
  parts: ConsumerParts,
  deliveries: readonly Delivery[],
  ended: AbortSignal,
): Promise<readonly Settlement[] | undefined> {
  if (deliveries.length === 0) return [];
  try {
    return await parts.handle(deliveries.map(({ event, attempt }) => ({ event, attempt })));
  } catch (error) {
    parts.settings.logger.error(
      { queue: parts.queue, failure: describeFailure(error) },
      'batch not handled, it comes again',
    );
    await sleep(pauseAfterThrowMs, undefined, { signal: ended }).catch(() => {});
    return undefined;
  }
}
