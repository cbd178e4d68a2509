import { withDeadline } from '../deadline.ts';
import { ready } from '../parcel.ts';
import { createRunning } from '../running.ts';
import { refuseDurableTypes, type TransportSettings } from '../settings.ts';
import type { Transport } from '../transport.ts';
import { receiveBroadcasts } from './broadcast.ts';
import { type Connection, openConnection } from './connection.ts';
import { startConsumer } from './consumer.ts';
import { deadLettersOf } from './dead-letters.ts';
import { messagesFor } from './outgoing-messages.ts';
import { createPublisher } from './publisher.ts';
import { namesOf } from './topology.ts';

/** The transport over RabbitMQ: one connection for publishing, and one for reading, opened when something is read. */
export function connectRabbitmq(settings: TransportSettings): Transport {
  const publishing = openConnection(settings, 'publisher');
  const publisher = createPublisher(publishing);
  const names = namesOf(settings.namespace);
  const running = createRunning();
  let reading: Connection | undefined;

  // Apart from publishing, since the broker stops reading from a publishing connection when its disk is full.
  function readingConnection(): Connection {
    reading ??= openConnection(settings, 'reader');
    return reading;
  }

  return {
    publish: (parcels) => publisher.publish(messagesFor(names.events, parcels.map(ready))),
    consume: (queue, options, handle) =>
      running.track(startConsumer({ settings, connection: readingConnection(), publisher, queue, options, handle })),
    broadcast: (types, handler) => {
      refuseDurableTypes(types);
      return running.track(receiveBroadcasts(settings, readingConnection(), types, handler));
    },
    deadLetters: (queue) => deadLettersOf(settings, readingConnection(), publisher, queue),
    check: () => withDeadline(ping(publishing, names.events), 1_000, 'RabbitMQ does not answer'),
    close: async () => {
      await running.closeAll();
      await Promise.all([publishing.close(), reading?.close()]);
    },
  };
}

async function ping(connection: Connection, exchange: string): Promise<void> {
  const hindrance = connection.hindrance();
  if (hindrance !== undefined) throw new Error(hindrance);
  const channel = await (await connection.model).createChannel();
  channel.on('error', () => {});
  await channel.checkExchange(exchange);
  await channel.close();
}
