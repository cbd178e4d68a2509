import { setTimeout as sleep } from 'node:timers/promises';
import { runMigrations } from 'graphile-worker';
import pg from 'pg';
import { withDeadline } from '../deadline.ts';
import { createFailureLog } from '../failure-log.ts';
import type { TransportSettings } from '../settings.ts';
import { graphileOptions } from './graphile.ts';

/** The bus's tables, once they are there. */
export interface BusDatabase {
  pool: pg.Pool;
  /**
   * For taking jobs and marking them as done. Its commits do not wait for the disk: what a crash undoes of that is done
   * once more, and the inbox knows it.
   */
  workers: pg.Pool;
  /** Resolves when the schema is ready; rejects only when closed before. */
  ready: Promise<void>;
  /** The answer of the work, or a rejection after 5 s; also while the schema is not ready yet. */
  bounded<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

const operationTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;

/** Opens the pool of the role `bus` and prepares its schema in the background, again and again until it works. */
export function openBusDatabase(settings: TransportSettings): BusDatabase {
  const abort = new AbortController();
  const pool = openPool(settings, {});
  const workers = openPool(settings, { options: '-c synchronous_commit=off' });
  const ready = prepareUntilDone(settings, pool, abort.signal);
  ready.catch(() => {});
  return {
    pool,
    workers,
    ready,
    bounded: async (work) => {
      const until = Date.now() + operationTimeoutMs;
      // Work that missed its deadline must not start later: its caller has been told that it failed.
      await withDeadline(ready, operationTimeoutMs, 'The event bus is not ready');
      return await withDeadline(work(), until - Date.now(), 'The event bus does not answer');
    },
    close: async () => {
      abort.abort();
      await ready.catch(() => {});
      // A worker that would not stop keeps its connection.
      await withDeadline(Promise.all([pool.end(), workers.end()]), closeTimeoutMs, 'Not closed in time').catch(
        () => {},
      );
    },
  };
}

// Not the pool of @florin/database: graphile-worker expects int8 as pg reads it by itself, as text.
function openPool(settings: TransportSettings, more: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    connectionString: settings.url,
    application_name: 'florin-bus',
    max: 10,
    connectionTimeoutMillis: 2_000,
    statement_timeout: 5_000,
    query_timeout: 6_000,
    keepAlive: true,
    ...more,
  });
  // Without listeners a connection closed by the server would end the process, be it idle or in use.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

async function prepareUntilDone(settings: TransportSettings, pool: pg.Pool, closing: AbortSignal): Promise<void> {
  const failures = createFailureLog(settings.logger);
  for (;;) {
    closing.throwIfAborted();
    try {
      await prepare(settings, pool);
      return;
    } catch (error) {
      failures.report(error, {}, 'event bus not ready yet');
      await sleep(500 + Math.random() * 500, undefined, { signal: closing });
    }
  }
}

async function prepare(settings: TransportSettings, pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    // Creating a table "if not exists" from two sessions at once fails in one of them.
    await client.query("select pg_advisory_xact_lock(hashtext('florin bus'))");
    // With this table there, graphile-worker does not try to create the schema, for which the role bus has no right.
    await client.query(`create table if not exists bus.migrations (
      id int primary key, ts timestamptz not null default now(), breaking boolean not null default false)`);
    await client.query(`create table if not exists bus.dead_letters (
      position bigint generated always as identity primary key,
      queue text not null,
      event json not null,
      failure text not null,
      attempts int not null,
      died_at timestamptz not null default now())`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
  await runMigrations(graphileOptions(settings, pool));
}
