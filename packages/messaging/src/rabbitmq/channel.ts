import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import type { Logger } from 'pino';
import { withDeadline } from '../deadline.ts';
import { describeFailure } from '../retry-policy.ts';
import type { Closable } from '../transport.ts';
import type { Connection } from './connection.ts';

/** What runs on one channel. */
export interface ChannelUse {
  /** Resolves when there is nothing more to do on this channel although it is open. */
  finished: Promise<void>;
  /** Takes nothing new and resolves when what is under way is done. */
  stop(): Promise<void>;
}

const reopenMs = 500;
const closeTimeoutMs = 1_000;

/**
 * Keeps a channel in use: opens it, lets `use` set it up, and does so again when the channel or its connection is lost.
 * The signal tells `use` that the channel can no longer be used.
 */
export function keepChannel(
  connection: Connection,
  logger: Logger,
  use: (channel: Channel, ended: AbortSignal) => Promise<ChannelUse>,
): Closable {
  let stopping = false;
  let stopCurrent: (() => Promise<void>) | undefined;
  const wake = new AbortController();

  async function once(): Promise<void> {
    const channel = await (await connection.model).createChannel();
    const ended = new AbortController();
    channel.on('error', (error) => logger.warn({ failure: describeFailure(error) }, 'RabbitMQ channel failed'));
    const closed = new Promise<void>((resolve) => {
      channel.on('close', () => {
        ended.abort();
        resolve();
      });
    });
    const current = await use(channel, ended.signal);
    stopCurrent = current.stop;
    if (stopping) await current.stop();
    await Promise.race([closed, current.finished]);
    // The next channel must not overlap with work of this one.
    if (ended.signal.aborted) await current.finished;
    else await withDeadline(channel.close(), closeTimeoutMs, 'RabbitMQ did not answer').catch(() => {});
  }

  async function keep(): Promise<void> {
    while (!stopping) {
      try {
        await once();
      } catch (error) {
        if (!stopping) logger.warn({ failure: describeFailure(error) }, 'RabbitMQ channel not usable');
      }
      stopCurrent = undefined;
      if (!stopping) await sleep(reopenMs, undefined, { signal: wake.signal }).catch(() => {});
    }
  }

  const kept = keep();
  return {
    close: async () => {
      stopping = true;
      wake.abort();
      const stop = stopCurrent;
      // Before the first connection there is nothing to stop; the loop ends when the connection is closed.
      if (!stop) return;
      await stop();
      await kept;
    },
  };
}
