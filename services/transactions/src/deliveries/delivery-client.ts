import { AnswerStatusError, getJson } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import CircuitBreaker from 'opossum';
import { Histogram } from 'prom-client';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { type Delivery, DeliverySchema } from './delivery-schema.ts';

/** Who delivered what of a transaction by webhook: the way to notification. Never throws. */
export interface DeliveryClient {
  /**
   * The deliveries about a transaction (`txn_…`) that somebody may see, the oldest first; null where notification does
   * not tell in time. `authorization` is the reader's own, as it came.
   */
  deliveriesOf(transaction: string, authorization: string): Promise<Delivery[] | null>;
  /** Breaks off the calls under way. */
  close(): void;
}

export interface DeliveryClientOptions {
  /** Base URL of notification. */
  url: string;
  logger: Pick<FastifyBaseLogger, 'warn'>;
  deadlineMs?: number;
}

const usualDeadlineMs = 1_000;
/** After this the open breaker lets one call through to see whether notification is back. */
const retryMs = 1_000;
const concurrency = 32;
const mostDeliveries = 100;
const maxBytes = 256 * 1024;

const answer = Compile(Type.Object({ data: Type.Array(DeliverySchema, { maxItems: mostDeliveries }) }));

const duration = new Histogram({
  name: 'notification_call_seconds',
  help: 'Time of calls to notification, by what came of them',
  labelNames: ['outcome'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
});

/**
 * Whether a failure leaves open if notification works: a refusal (4xx) is about one reader, or of a notification from before
 * there were deliveries, and a call too many has not been made.
 */
function saysNothingOfIt(error: unknown): boolean {
  if (error instanceof AnswerStatusError) return error.status < 500;
  return error instanceof Error && 'code' in error && error.code === 'ESEMLOCKED';
}

/**
 * Asks notification with 1 s for each call, at most 32 at once, and a breaker that answers null at once while it is
 * away.
 */
export function createDeliveryClient(options: DeliveryClientOptions): DeliveryClient {
  const { url, logger, deadlineMs = usualDeadlineMs } = options;
  const closing = new AbortController();
  const ask = async (transaction: string, authorization: string): Promise<Delivery[]> => {
    const question = new URL('/internal/webhook-deliveries', url);
    question.searchParams.set('transaction', transaction);
    const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), closing.signal]);
    return (await getJson(question, { authorization, form: answer, signal, maxBytes })).data;
  };
  const breaker = new CircuitBreaker(ask, {
    name: 'notification',
    // The deadline is the signal's, which also ends the connection.
    timeout: false,
    capacity: concurrency,
    resetTimeout: retryMs,
    errorThresholdPercentage: 50,
    volumeThreshold: 5,
    rollingPercentilesEnabled: false,
    errorFilter: saysNothingOfIt,
  });
  return {
    async deliveriesOf(transaction, authorization) {
      const stop = duration.startTimer();
      try {
        const deliveries = await breaker.fire(transaction, authorization);
        stop({ outcome: 'told' });
        return deliveries;
      } catch (error) {
        stop({ outcome: 'unknown' });
        logger.warn({ err: error, transaction }, 'notification did not tell the deliveries of a transaction');
        return null;
      }
    },
    close() {
      closing.abort();
      breaker.shutdown();
    },
  };
}
