import type { QueueName } from '@florin/contracts';
import type { ChannelModel } from 'amqplib';
import { queueTable } from '../settings.ts';

/** Redeliveries after crashes of a consumer, before RabbitMQ itself puts a message among the dead letters. */
const deliveryLimit = 20;
/** Dead letters are looked at and put back; that must never count as failing. */
const noLimit = 2_000_000_000;

/** The names of a namespace's exchanges and queues on the broker. */
export function namesOf(namespace: string) {
  return {
    events: `${namespace}.events`,
    queue: (queue: QueueName) => `${namespace}.${queue}`,
    dead: (queue: QueueName) => `${namespace}.${queue}.dead`,
    retry: (delayMs: number) => `${namespace}.retry.${delayMs}ms`,
  };
}

/**
 * Declares everything every queue needs; every process does it, so that no event is lost because its reader never ran.
 *
 * A retry queue per delay serves all queues: a message is published to it with the target queue as routing key, waits
 * out the queue's TTL, and is dead-lettered through the default exchange to the queue of that name. All of one TTL, so
 * none waits behind a longer one. Dead-lettering at least once needs quorum queues that reject on overflow.
 */
export async function declareTopology(
  model: ChannelModel,
  namespace: string,
  retryDelaysMs: readonly number[],
): Promise<void> {
  const names = namesOf(namespace);
  const quorum = { 'x-queue-type': 'quorum' };
  const deadLettering = {
    'x-dead-letter-exchange': '',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
  const channel = await model.createChannel();
  await channel.assertExchange(names.events, 'topic', { durable: true });
  for (const delay of new Set(retryDelaysMs)) {
    const retry = names.retry(delay);
    await channel.assertExchange(retry, 'fanout', { durable: true });
    await channel.assertQueue(retry, {
      durable: true,
      arguments: { ...quorum, ...deadLettering, 'x-message-ttl': delay },
    });
    await channel.bindQueue(retry, retry, '');
  }
  for (const [queue, types] of queueTable) {
    await channel.assertQueue(names.dead(queue), {
      durable: true,
      arguments: { ...quorum, 'x-delivery-limit': noLimit },
    });
    await channel.assertQueue(names.queue(queue), {
      durable: true,
      arguments: {
        ...quorum,
        ...deadLettering,
        'x-dead-letter-routing-key': names.dead(queue),
        'x-delivery-limit': deliveryLimit,
      },
    });
    for (const type of types) await channel.bindQueue(names.queue(queue), names.events, type);
  }
  await channel.close();
}
