import type { QueueName } from '@florin/contracts';
import type { Channel, GetMessage } from 'amqplib';
import { withDeadline } from '../deadline.ts';
import type { TransportSettings } from '../settings.ts';
import type { DeadLetters } from '../transport.ts';
import type { Connection } from './connection.ts';
import { deadLetterOf, eventsOf, isBatch, keptOptions } from './message.ts';
import { singlesFor } from './outgoing-messages.ts';
import type { Publisher } from './publisher.ts';
import { namesOf } from './topology.ts';

const connectTimeoutMs = 5_000;

/** The dead letters of one queue: a queue of their own that nobody consumes. */
export function deadLettersOf(
  settings: TransportSettings,
  connection: Connection,
  publisher: Publisher,
  queue: QueueName,
): DeadLetters {
  const names = namesOf(settings.namespace);
  const dead = names.dead(queue);

  /** Only the broker gives up several events together, when their consumer has crashed too often. */
  async function split(message: GetMessage): Promise<boolean> {
    const events = eventsOf(message);
    if (events !== undefined) await publisher.publish(singlesFor(dead, events));
    return events !== undefined;
  }

  /** Takes up to `limit` messages, hands each one over, and puts back what was not acknowledged. */
  async function visit(limit: number, look: (message: GetMessage, channel: Channel) => Promise<void>): Promise<void> {
    const { model } = connection;
    const opening = model.then((recovering) => recovering.createChannel());
    const channel = await withDeadline(opening, connectTimeoutMs, 'RabbitMQ is not connected');
    channel.on('error', () => {});
    try {
      for (let taken = 0; taken < limit; taken++) {
        const message = await channel.get(dead);
        if (message === false) return;
        if (!isBatch(message)) await look(message, channel);
        else if (await split(message)) {
          // Its events have come to the end of the queue, a letter each.
          channel.ack(message);
          taken -= 1;
        }
      }
    } finally {
      // Closing returns everything unacknowledged to its place.
      await channel.close().catch(() => {});
    }
  }

  /** Everything that was there at the beginning, once. */
  async function eachChosen(
    eventIds: readonly string[] | undefined,
    work: (message: GetMessage) => Promise<void>,
  ): Promise<number> {
    let count = 0;
    await visit(Number.POSITIVE_INFINITY, async (message, channel) => {
      if (eventIds !== undefined && !eventIds.includes(eventsOf(message)?.[0]?.id ?? '')) return;
      await work(message);
      channel.ack(message);
      count += 1;
    });
    return count;
  }

  return {
    list: async (limit) => {
      const found: GetMessage[] = [];
      await visit(limit, async (message) => {
        found.push(message);
      });
      return found.map(deadLetterOf);
    },
    replay: (eventIds) =>
      eachChosen(eventIds, async (message) => {
        const options = keptOptions(message);
        await publisher.publish([{ exchange: '', routingKey: names.queue(queue), content: message.content, options }]);
      }),
    purge: (eventIds) => eachChosen(eventIds, async () => {}),
  };
}
