import { runHandler } from '../run-handler.ts';
import type { TransportSettings } from '../settings.ts';
import type { BroadcastHandler, Closable } from '../transport.ts';
import { keepChannel } from './channel.ts';
import type { Connection } from './connection.ts';
import { eventsOf } from './message.ts';
import { namesOf } from './topology.ts';

/** Receives broadcasts through a queue that lives as long as this process's connection. */
export function receiveBroadcasts(
  settings: TransportSettings,
  connection: Connection,
  types: readonly string[],
  handler: BroadcastHandler,
): Closable {
  const { logger, namespace } = settings;
  return keepChannel(connection, logger, async (channel, ended) => {
    const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false });
    for (const type of types) await channel.bindQueue(queue, namesOf(namespace).events, type);
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    ended.addEventListener('abort', finish, { once: true });
    await channel.consume(
      queue,
      (message) => {
        if (message === null) return finish();
        for (const event of eventsOf(message) ?? []) void runHandler(logger, () => handler.onEvent(event));
      },
      { noAck: true },
    );
    // Only now is nothing missed any more.
    void runHandler(logger, () => handler.onGap?.());
    return { finished, stop: async () => finish() };
  });
}
