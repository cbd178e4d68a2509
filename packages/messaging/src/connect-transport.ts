import type { Logger } from 'pino';
import { connectEmbedded } from './embedded/embedded-transport.ts';
import { connectRabbitmq } from './rabbitmq/rabbitmq-transport.ts';
import { defaultRetryDelaysMs } from './retry-policy.ts';
import type { Transport } from './transport.ts';

/** Where the events go. */
export interface TransportOptions {
  /** amqp:// or amqps:// for RabbitMQ; postgres:// as the role `bus` for the embedded transport. Never logged. */
  url: string;
  /** Keeps fleets on one broker apart; 'florin' unless told. */
  namespace?: string;
  /** Waits before each further attempt of a failed event, in milliseconds; the same in all processes of a namespace. */
  retryDelaysMs?: readonly number[];
  logger: Logger;
}

/**
 * Connects in the background and keeps connecting: a broker that is away neither throws here nor ends the process.
 * @throws Error when the URL's scheme is not one of those
 */
export function connectTransport(options: TransportOptions): Transport {
  const settings = {
    url: options.url,
    namespace: options.namespace ?? 'florin',
    retryDelaysMs: options.retryDelaysMs ?? defaultRetryDelaysMs,
    logger: options.logger,
  };
  const scheme = /^[a-z]+(?=:\/\/)/.exec(options.url)?.[0];
  if (scheme === 'amqp' || scheme === 'amqps') return connectRabbitmq(settings);
  if (scheme === 'postgres' || scheme === 'postgresql') return connectEmbedded(settings);
  throw new Error('The address of the event transport must begin with amqp://, amqps:// or postgres://');
}
