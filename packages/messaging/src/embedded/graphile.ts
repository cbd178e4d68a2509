import { Logger as GraphileLogger, type SharedOptions } from 'graphile-worker';
import type pg from 'pg';
import type { TransportSettings } from '../settings.ts';

/** How graphile-worker is used here: in the schema `bus`, logging as the service does. */
export function graphileOptions(settings: TransportSettings, pool: pg.Pool) {
  return {
    pgPool: pool,
    logger: new GraphileLogger(() => (level, message) => {
      // What it calls info is of interest to nobody but its developers.
      if (level === 'error') settings.logger.error({ source: 'graphile-worker' }, message);
      else if (level === 'warning') settings.logger.warn({ source: 'graphile-worker' }, message);
      else settings.logger.debug({ source: 'graphile-worker' }, message);
    }),
    schema: 'bus',
  } satisfies SharedOptions;
}
