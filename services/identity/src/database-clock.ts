import { type Kysely, sql } from 'kysely';
import type { Tables } from './tables.ts';

/**
 * Milliseconds since 1970, with fractions, on the one clock that all processes share, at this moment and not at the
 * transaction's beginning.
 */
export async function databaseNow(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{
    now: number;
  }>`select extract(epoch from clock_timestamp())::float8 * 1000 as now`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('Postgres did not tell the time');
  return row.now;
}
