import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createFailureLog } from '../failure-log.ts';
import type { TransportSettings } from '../settings.ts';
import type { Closable } from '../transport.ts';
import type { BusDatabase } from './bus-database.ts';

/*
 * graphile-worker keeps the jobs of a killed process locked for four hours. Here each worker holds a connection whose
 * application name is the worker's id, and every worker frees the jobs of workers that have no connection any more.
 */

const checkMs = 1_000;
/** A worker's first jobs may be locked a moment before its connection is there. */
const graceSeconds = 2;

/** Holds the connection that shows that this worker lives, and opens it again when it is lost. */
export function announceWorker(settings: TransportSettings, workerId: string): Closable {
  return repeat(async (closing) => {
    const client = new pg.Client({
      connectionString: settings.url,
      application_name: workerId,
      connectionTimeoutMillis: 2_000,
      query_timeout: 2_000,
      keepAlive: true,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      while (!closing.aborted) {
        await client.query('select 1');
        await sleep(checkMs, undefined, { signal: closing });
      }
    } finally {
      await client.end().catch(() => {});
    }
  });
}

/** Frees the jobs of dead workers, once a second. Their attempts stay counted. */
export function startUnlocking(settings: TransportSettings, bus: BusDatabase): Closable {
  const failures = createFailureLog(settings.logger);
  return repeat(
    async () => {
      const { rows } = await bus.pool.query<{ locked_by: string }>(
        `select distinct locked_by from bus.jobs
       where locked_at < now() - make_interval(secs => $1)
         and locked_by not in (select application_name from pg_stat_activity where application_name is not null)`,
        [graceSeconds],
      );
      failures.clear();
      if (rows.length === 0) return;
      const dead = rows.map((row) => row.locked_by);
      settings.logger.warn({ workers: dead }, 'jobs of dead bus workers are free again');
      await bus.pool.query('select bus.force_unlock_workers($1::text[])', [dead]);
    },
    (error) => failures.report(error, {}, 'dead bus workers not looked for'),
  );
}

function repeat(once: (closing: AbortSignal) => Promise<void>, failed: (error: unknown) => void = () => {}): Closable {
  const abort = new AbortController();
  async function keep(): Promise<void> {
    while (!abort.signal.aborted) {
      try {
        await once(abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) failed(error);
      }
      await sleep(checkMs, undefined, { signal: abort.signal }).catch(() => {});
    }
  }
  const kept = keep();
  return {
    close: async () => {
      abort.abort();
      await kept;
    },
  };
}
