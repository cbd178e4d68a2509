import { type Database, purgeInbox } from '@florin/database';
import { type Periodic, startPeriodic } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import { purgeNotifications } from './notifications/notification-queries.ts';
import type { Tables } from './tables.ts';

const hourMs = 3_600_000;
/** Longer than an event stays in a queue or among the dead letters before someone looks. */
const keepInboxHours = 30 * 24;

/** Deletes once an hour what has been kept long enough. */
export function startHousekeeping(
  db: Database<Tables>,
  retentionDays: number,
  logger: Pick<FastifyBaseLogger, 'warn'>,
): Periodic {
  return startPeriodic({
    everyMs: hourMs,
    work: () => Promise.all([purgeNotifications(db, retentionDays), purgeInbox(db, keepInboxHours)]),
    onError: (error) => logger.warn({ err: error }, 'old rows could not be deleted'),
  });
}
