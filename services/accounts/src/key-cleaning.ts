import { type Database, purgeIdempotencyKeys } from '@florin/database';
import { type Periodic, startPeriodic } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import type { Tables } from './tables.ts';

const hourMs = 3_600_000;
/** Twice what the contract promises. */
const keepHours = 48;

/** Forgets once an hour the idempotency keys made longer than two days ago; those of openings stay with their accounts. */
export function startKeyCleaning(db: Database<Tables>, logger: Pick<FastifyBaseLogger, 'warn'>): Periodic {
  return startPeriodic({
    everyMs: hourMs,
    work: () => purgeIdempotencyKeys(db, keepHours),
    onError: (error) => logger.warn({ err: error }, 'old idempotency keys could not be deleted'),
  });
}
