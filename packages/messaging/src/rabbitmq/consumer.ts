import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueName } from '@florin/contracts';
import type { Channel, ConsumeMessage } from 'amqplib';
import { withDeadline } from '../deadline.ts';
import { delayAfter, describeFailure } from '../retry-policy.ts';
import type { TransportSettings } from '../settings.ts';
import type { BatchHandler, Closable, ConsumeOptions, Settlement } from '../transport.ts';
import { type BatchQueue, createBatchQueue } from './batch-queue.ts';
import { keepChannel } from './channel.ts';
import type { Connection } from './connection.ts';
import { attemptOf, eventOf, failedOptions } from './message.ts';
import type { Publisher } from './publisher.ts';
import { namesOf } from './topology.ts';

/** What a consumer of one queue is made of. */
export interface ConsumerParts {
  settings: TransportSettings;
  connection: Connection;
  /** For retries and dead letters; on another connection, which the broker may block without stopping acknowledgements. */
  publisher: Publisher;
  queue: QueueName;
  options: ConsumeOptions;
  handle: BatchHandler;
}

const pauseAfterThrowMs = 1_000;
const cancelTimeoutMs = 1_000;

/** Reads one queue, batch after batch. A message is acknowledged only after its batch is handled. */
export function startConsumer(parts: ConsumerParts): Closable {
  const batchSize = parts.options.batchSize ?? 100;
  const batchWaitMs = parts.options.batchWaitMs ?? 5;
  const queueName = namesOf(parts.settings.namespace).queue(parts.queue);
  return keepChannel(parts.connection, parts.settings.logger, async (channel, ended) => {
    await channel.prefetch(2 * batchSize);
    const waiting = createBatchQueue<ConsumeMessage>(batchSize, batchWaitMs);
    ended.addEventListener('abort', () => waiting.end(), { once: true });
    const { consumerTag } = await channel.consume(queueName, (message) => {
      // The broker ends a consumer whose queue went away.
      if (message === null) waiting.end();
      else waiting.push(message);
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
  waiting: BatchQueue<ConsumeMessage>,
  ended: AbortSignal,
): Promise<void> {
  for (let batch = await waiting.next(); batch.length > 0; batch = await waiting.next()) {
    await handleBatch(parts, channel, batch, ended);
  }
}

async function handleBatch(
  parts: ConsumerParts,
  channel: Channel,
  batch: readonly ConsumeMessage[],
  ended: AbortSignal,
): Promise<void> {
  const parsed = batch.map((message) => ({ message, event: eventOf(message) }));
  const readable = parsed.flatMap(({ message, event }) =>
    event === undefined ? [] : [{ message, delivery: { event, attempt: attemptOf(message) } }],
  );
  for (const { message, event } of parsed) {
    if (event === undefined) await settle(parts, channel, message, { outcome: 'dead', failure: 'not an event' }, ended);
  }
  let settlements: readonly Settlement[];
  try {
    settlements = readable.length === 0 ? [] : await parts.handle(readable.map(({ delivery }) => delivery));
  } catch (error) {
    parts.settings.logger.error(
      { queue: parts.queue, failure: describeFailure(error) },
      'batch not handled, it comes again',
    );
    await sleep(pauseAfterThrowMs, undefined, { signal: ended }).catch(() => {});
    for (const { message } of readable) if (!ended.aborted) channel.nack(message);
    return;
  }
  for (const [index, { message }] of readable.entries()) {
    await settle(parts, channel, message, settlements[index] ?? { outcome: 'done' }, ended);
  }
}

/** Acknowledges, after the message is safe in a retry queue or among the dead letters if it failed. */
async function settle(
  parts: ConsumerParts,
  channel: Channel,
  message: ConsumeMessage,
  settlement: Settlement,
  ended: AbortSignal,
): Promise<void> {
  if (settlement.outcome !== 'done') await moveOn(parts, message, settlement, ended);
  // Without the channel the broker delivers it again.
  if (!ended.aborted) channel.ack(message);
}

async function moveOn(
  parts: ConsumerParts,
  message: ConsumeMessage,
  { outcome, failure }: Exclude<Settlement, { outcome: 'done' }>,
  ended: AbortSignal,
): Promise<void> {
  const names = namesOf(parts.settings.namespace);
  const attempt = attemptOf(message);
  const delay = outcome === 'retry' ? delayAfter(attempt, parts.settings.retryDelaysMs) : undefined;
  const target =
    delay === undefined
      ? { exchange: '', routingKey: names.dead(parts.queue), options: failedOptions(message, attempt, failure) }
      : {
          exchange: names.retry(delay),
          routingKey: names.queue(parts.queue),
          options: failedOptions(message, attempt + 1, failure),
        };
  for (let wait = 100; !ended.aborted; wait = Math.min(2_000, wait * 2)) {
    try {
      await parts.publisher.publish([{ ...target, content: message.content }]);
      return;
    } catch (error) {
      parts.settings.logger.warn({ queue: parts.queue, failure: describeFailure(error) }, 'failed event not moved yet');
      await sleep(wait, undefined, { signal: ended }).catch(() => {});
    }
  }
}
