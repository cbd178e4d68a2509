import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';
import { withDeadline } from '../deadline.ts';
import { describeFailure } from '../retry-policy.ts';
import type { TransportSettings } from '../settings.ts';
import { declareTopology } from './topology.ts';

/** A connection that comes back by itself, with the topology declared each time. */
export interface Connection {
  /** Waits for the connection where it is away, without end: bound it yourself. */
  model: Promise<RecoveringChannelModel>;
  /** Why publishing is pointless now, or undefined. */
  hindrance(): string | undefined;
  close(): Promise<void>;
}

const heartbeatSeconds = 5;
const handshakeTimeoutMs = 5_000;
const setupTimeoutMs = 15_000;
const closeTimeoutMs = 2_000;

/** Connects in the background. A half-open peer is noticed after two to three heartbeats of 5 s. */
export function openConnection(settings: TransportSettings, purpose: string): Connection {
  const { logger } = settings;
  let hindrance: string | undefined = 'RabbitMQ is not connected';
  const url = new URL(settings.url);
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(heartbeatSeconds));
  const model = connect(url.href, {
    timeout: handshakeTimeoutMs,
    noDelay: true,
    clientProperties: { connection_name: `${settings.namespace} ${purpose}` },
    recovery: {
      waitForConnect: false,
      initialDelay: 100,
      maxDelay: 2_000,
      setup: async (fresh: ChannelModel) => {
        // Until recovery listens itself, an error of the young connection would end the process.
        fresh.on('error', () => {});
        await setUp(fresh, settings);
      },
    },
  }).then((recovering) => {
    const lost = (error: Error) => {
      if (hindrance === undefined)
        logger.warn({ purpose, failure: describeFailure(error) }, 'RabbitMQ connection lost');
      hindrance = 'RabbitMQ is not connected';
    };
    recovering.on('connect', () => {
      hindrance = undefined;
      logger.info({ purpose }, 'RabbitMQ connected');
    });
    recovering.on('disconnect', lost);
    recovering.on('connect-failed', (error) => {
      logger.debug({ purpose, failure: describeFailure(error) }, 'RabbitMQ not reached');
    });
    recovering.on('error', lost);
    recovering.on('blocked', (reason) => {
      hindrance = `RabbitMQ takes no messages: ${reason}`;
      logger.warn({ purpose, reason }, 'RabbitMQ blocks publishers');
    });
    recovering.on('unblocked', () => {
      hindrance = undefined;
    });
    recovering.on('handler-error', (error: Error) => logger.error({ err: error }, 'RabbitMQ listener failed'));
    return recovering;
  });
  return {
    model,
    hindrance: () => hindrance,
    close: async () => {
      // A frozen broker never answers the close.
      const timer = new Promise<void>((resolve) => setTimeout(resolve, closeTimeoutMs).unref());
      await Promise.race([model.then((recovering) => recovering.close()), timer]);
    },
  };
}

/**
 * Declares the topology, or rejects: amqplib never answers a close of channel or connection that is lost before the answer, and
 * recovery would wait for it without end.
 */
async function setUp(fresh: ChannelModel, { namespace, retryDelaysMs }: TransportSettings): Promise<void> {
  const lost = new Promise<never>((_, reject) => {
    fresh.once('close', () => reject(new Error('The connection was lost while the queues were declared')));
  });
  const declared = declareTopology(fresh, namespace, retryDelaysMs);
  try {
    await withDeadline(Promise.race([declared, lost]), setupTimeoutMs, 'RabbitMQ did not declare the queues in time');
  } catch (error) {
    // Recovery closes it, too; a second close is refused at once.
    await withDeadline(fresh.close(), closeTimeoutMs, 'RabbitMQ did not confirm the close').catch(() => {});
    throw error;
  }
}
