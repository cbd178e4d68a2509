import type { Database } from '@florin/database';
import type { FastifyBaseLogger } from 'fastify';
import type { Tables } from '../tables.ts';
import { purgeQuotes } from './quote-queries.ts';

const hourMs = 3_600_000;

/** Forgets old quotes that nobody has used, once an hour. */
export function startQuoteCleaning(
  db: Database<Tables>,
  logger: Pick<FastifyBaseLogger, 'warn'>,
): { close(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    running = purgeQuotes(db).catch((error: unknown) => {
      logger.warn({ err: error }, 'old quotes could not be deleted');
    });
  }, hourMs);
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
