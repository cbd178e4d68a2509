import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import { createDatabase } from './kysely.ts';
import { createPool } from './pool.ts';
import { errorCode } from './transaction.ts';

/** What to migrate, and for whom. */
export interface MigrateOptions {
  /** Connection string of the schema's owner, directly to Postgres: a pooler in transaction mode breaks the lock. */
  url: string;
  schema: string;
  /** Folder of the migration files, absolute. */
  folder: string;
  /** The service's runtime role. It gets the right to read and write rows of every table; no right to change tables. */
  role: string;
  /** How often a migration that could not get its locks within a second is tried again; 30 unless told. */
  maxAttempts?: number;
}

/** The database cannot be used with this code, or the migration files are not as they must be. The message is one clear line. */
export class MigrationError extends Error {
  override name = 'MigrationError';
}

const fileName = /^(\d{8}T\d{4}-[a-z0-9-]+)\.ts$/;
const isBreaking = (name: string) => name.endsWith('-breaking');
const historyTable = 'kysely_migration';

/**
 * Runs the migrations of the folder that the schema has not seen, in the order of their names, and returns the names
 * of those run now. All in one transaction: either all of them count or none.
 *
 * No statement waits for a lock longer than 1 s, so that writers are never held up behind a waiting ALTER TABLE; the
 * run is then given up and tried again. Any number of processes may start it at once.
 *
 * A migration whose name ends in `-breaking` shuts out older code: a process that does not know it refuses.
 * @throws MigrationError
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const known = await readMigrations(options.folder);
  const pool = createPool({
    url: options.url,
    schema: options.schema,
    applicationName: `${options.schema}-migrate`,
    max: 2,
    connectionTimeoutMs: 10_000,
    statementTimeoutMs: 0,
    lockTimeoutMs: 1_000,
    idleInTransactionTimeoutMs: 60_000,
  });
  const db = createDatabase<unknown>(pool);
  try {
    return await untilLocksAreFree(options.maxAttempts ?? 30, () => runPending(db, options, known));
  } finally {
    await db.destroy();
  }
}

/**
 * Refuses when the schema and this code don't fit: a migration of the folder is missing in the database, or the
 * database has seen a breaking one that the folder does not know. For the start of a service; it only reads.
 * @throws MigrationError
 */
export async function checkMigrations<Tables>(db: Kysely<Tables>, folder: string): Promise<void> {
  const known = Object.keys(await readMigrations(folder));
  const applied = await appliedNames(db);
  refuseIfOutdated(known, applied);
  const missing = known.filter((name) => !applied.includes(name));
  if (missing.length > 0)
    throw new MigrationError(`The database lacks the migration ${missing[0]}: run the migrations first`);
}

async function readMigrations(folder: string): Promise<Record<string, Migration>> {
  const migrations: Record<string, Migration> = {};
  for (const file of (await readdir(folder)).sort()) {
    if (!file.endsWith('.ts')) continue;
    const name = fileName.exec(file)?.[1];
    if (name === undefined)
      throw new MigrationError(`A migration is named like 20261120T1200-create-ledger.ts, not ${file}`);
    const module: unknown = await import(pathToFileURL(join(folder, file)).href);
    if (!isMigration(module)) throw new MigrationError(`The migration ${file} exports no function 'up'`);
    migrations[name] = { up: module.up };
  }
  return migrations;
}

function isMigration(module: unknown): module is Migration {
  return typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';
}

async function appliedNames<Tables>(db: Kysely<Tables>): Promise<string[]> {
  try {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(historyTable)} order by name`.execute(db);
    return rows.map((row) => row.name);
  } catch (error) {
    if (errorCode(error) === '42P01') return [];
    throw error;
  }
}

function refuseIfOutdated(known: readonly string[], applied: readonly string[]): void {
  const unknown = applied.find((name) => isBreaking(name) && !known.includes(name));
  if (unknown !== undefined) {
    throw new MigrationError(
      `This code is older than the database: it does not know the breaking migration ${unknown}`,
    );
  }
}

async function runPending(
  db: Kysely<unknown>,
  options: MigrateOptions,
  known: Record<string, Migration>,
): Promise<string[]> {
  const migrator = new Migrator({
    db,
    migrationTableSchema: options.schema,
    allowUnorderedMigrations: true,
    provider: {
      // Called while the migrator holds its lock. Newer code may have migrated already: what it ran is accepted unless breaking.
      getMigrations: async () => {
        const applied = await appliedNames(db);
        refuseIfOutdated(Object.keys(known), applied);
        await grantRows(db, options);
        const foreign = applied.filter((name) => !(name in known)).map((name) => [name, { up: async () => {} }]);
        return { ...known, ...Object.fromEntries(foreign) };
      },
    },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return (results ?? []).map((result) => result.migrationName);
}

/**
 * Makes the owner's future tables readable and writable for the runtime role, before they are created: rights that a
 * migration then takes away, as for append-only tables, stay away. `provision` does the same; this is for other schemas.
 */
async function grantRows(db: Kysely<unknown>, { schema, role }: MigrateOptions): Promise<void> {
  const [into, to] = [sql.raw(pg.escapeIdentifier(schema)), sql.raw(pg.escapeIdentifier(role))];
  const history = sql`${sql.table(historyTable)}, ${sql.table(`${historyTable}_lock`)}`;
  await sql`grant usage on schema ${into} to ${to}`.execute(db);
  const defaults = sql`alter default privileges in schema ${into} grant`;
  await sql`${defaults} select, insert, update, delete on tables to ${to}`.execute(db);
  await sql`${defaults} usage, select on sequences to ${to}`.execute(db);
  await sql`revoke all on ${history} from ${to}`.execute(db);
  await sql`grant select on ${history} to ${to}`.execute(db);
}

async function untilLocksAreFree<Result>(maxAttempts: number, run: () => Promise<Result>): Promise<Result> {
  const retried = ['55P03', '40P01', '40001'];
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!retried.includes(errorCode(error) ?? '') || attempt >= maxAttempts) throw error;
      await sleep(100 + Math.random() * Math.min(2_000, 100 * 2 ** attempt));
    }
  }
}
