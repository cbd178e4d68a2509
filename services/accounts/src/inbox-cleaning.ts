import { type Database, purgeInbox } from '@florin/database';
import { type Periodic, startPeriodic } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import type { Tables } from './tables.ts';

const hourMs = 3_600_000;
/** Longer than an event stays in a queue or among the dead letters before someone looks. */
const keepHours = 30 * 24;

/** Forgets once an hour the events made longer than 30 days ago. */
export function startInboxCleaning(db: Database<Tables>, logger: Pick<FastifyBaseLogger, 'warn'>): Periodic {
  return startPeriodic({
    everyMs: hourMs,
    work: () => purgeInbox(db, keepHours),
    onError: (error) => logger.warn({ err: error }, 'old inbox rows could not be deleted'),
  });
}
