import { Kysely, type Transaction as KyselyTransaction, PostgresDialect } from 'kysely';
import type pg from 'pg';
import { withStatementNames } from './prepared.ts';

/** Typed queries outside a transaction. `Tables` maps table names to their columns. */
export type Database<Tables> = Kysely<Tables>;

/** Typed queries inside one database transaction. */
export type Transaction<Tables> = KyselyTransaction<Tables>;

/** Kysely over a pool. The pool stays its maker's: end it yourself (`destroy()` of the result ends it too). */
export function createDatabase<Tables>(pool: pg.Pool): Database<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: withStatementNames(pool) }) });
}
