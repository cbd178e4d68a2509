import pg from 'pg';
import { watchPool } from './metrics.ts';

/** How to reach one service's schema. Durations are milliseconds. */
export interface PoolOptions {
  /** Connection string of the service's runtime role. Never logged by this package. */
  url: string;
  /** The service's schema; it becomes the search_path of every connection. */
  schema: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Connections at most, 10 unless told. */
  max?: number;
  /** Wait for a free connection at most; 2000 unless told. A full pool then rejects instead of queueing for ever. */
  connectionTimeoutMs?: number;
  /** The server cancels a statement that runs longer; 5000 unless told, 0 for no limit. */
  statementTimeoutMs?: number;
  /** A transaction left open without a statement is ended by the server; 5000 unless told. */
  idleInTransactionTimeoutMs?: number;
  /** A statement waits for a lock this long; the server's own setting unless told. */
  lockTimeoutMs?: number;
}

const int8 = 20;
const int8Array = 1016;
const date = 1082;

const bigintArray = (text: string): (bigint | null)[] => {
  const inner = text.slice(1, -1);
  return inner === '' ? [] : inner.split(',').map((item) => (item === 'NULL' ? null : BigInt(item)));
};

/**
 * What Postgres sends as text, read without loss: int8 as bigint (a JavaScript number would round money),
 * date as 'YYYY-MM-DD' (pg's own reading shifts it by the process's time zone), timestamptz as Date, numeric as string.
 */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === int8) return (text: string) => BigInt(text);
    if (oid === int8Array) return bigintArray;
    if (oid === date) return (text: string) => text;
    return pg.types.getTypeParser(oid, format);
  },
};

/**
 * Opens a pool for one service. Nothing connects until the first query, so a database that is away does not throw here.
 *
 * Every wait has an end: for a connection, for the server (`statement_timeout`), and for a server that no longer
 * answers at all (`query_timeout`, one second longer, which also holds when Postgres is frozen).
 * Through PgBouncer the timeouts and search_path arrive as start-up parameters: list them in its
 * `ignore_startup_parameters`; the role's own settings, made by `provision`, then apply.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeout = options.statementTimeoutMs ?? 5_000;
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 2_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeout,
    ...(statementTimeout > 0 && { query_timeout: statementTimeout + 1_000 }),
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 5_000,
    ...(options.lockTimeoutMs !== undefined && { lock_timeout: options.lockTimeoutMs }),
    // Compiling a statement takes longer than running any of ours, and a core for itself.
    options: `-c search_path=${pg.escapeIdentifier(options.schema)} -c jit=off`,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    types: typeParsers,
  });
  // A connection that the server closes is replaced on the next query, and whoever holds it is told by that query.
  // Without listeners it would end the process: the pool's is for idle connections, the client's for those in use.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  watchPool(pool, options.applicationName);
  return pool;
}
