import { type Database, purgeIdempotencyKeys, purgeInbox } from '@florin/database';
import { type Periodic, startPeriodic } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import { purgeNotifications } from './notifications/notification-queries.ts';
import type { Tables } from './tables.ts';
import { endWaitingOfDisabled } from './webhook-endpoints/endpoint-queries.ts';
import { purgeSecrets } from './webhook-endpoints/secret-queries.ts';
import { purgeEvents } from './webhook-events/webhook-event-queries.ts';

const hourMs = 3_600_000;
/** Longer than an event stays in a queue or among the dead letters before someone looks. */
const keepInboxHours = 30 * 24;
/** Twice as long as the contract says. */
const keepAnswersHours = 48;

/** For how many days what is kept. */
export interface Retention {
  notificationDays: number;
  /** Events for webhooks with their deliveries; they can be replayed for as long. */
  webhookDays: number;
}

/** Deletes once an hour what has been kept long enough. */
export function startHousekeeping(
  db: Database<Tables>,
  { notificationDays, webhookDays }: Retention,
  logger: Pick<FastifyBaseLogger, 'warn'>,
): Periodic {
  const work = () =>
    Promise.all([
      purgeNotifications(db, notificationDays),
      purgeInbox(db, keepInboxHours),
      purgeIdempotencyKeys(db, keepAnswersHours),
      purgeSecrets(db),
      endWaitingOfDisabled(db),
      purgeEvents(db, webhookDays),
    ]);
  return startPeriodic({
    everyMs: hourMs,
    work,
    onError: (error) => logger.warn({ err: error }, 'old rows could not be deleted'),
  });
}
