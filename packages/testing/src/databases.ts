import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { dropDatabases, withClient } from './drop-databases.ts';
import { serverAddress } from './servers.ts';

/** The password of every role in test databases. Roles belong to the whole server, so all tests must agree on it. */
export const testPassword = 'test';

/** A database on the run's Postgres, with addresses for each role that `provision` makes. */
export interface DatabaseAddresses {
  /** Name of the database. */
  database: string;
  /** As superuser. */
  adminUrl: string;
  /** As the role that the service's process uses: `<schema>`. */
  url: string;
  /** As the role that owns the tables and runs migrations: `<schema>_owner`. */
  ownerUrl: string;
  /** As the role of the embedded transport: `bus`. */
  busUrl: string;
}

/** A database of one test file. */
export interface TestDatabase extends DatabaseAddresses {
  /** The address for any other role (password: `testPassword`). */
  urlFor(role: string): string;
  /** Ends all its connections and drops it. Whoever calls it should have closed their pools. */
  drop(): Promise<void>;
}

/** How a test gets its database. */
export interface TestDatabaseOptions {
  /** Name of the service's schema and roles, such as `accounts`. */
  schema: string;
  /** Tells templates of one schema apart, where files prepare it differently. Lower-case letters and digits. */
  variant?: string;
  /**
   * Makes roles, schema and tables (`provision` and `migrate` of @florin/database, with `testPassword` everywhere) in an
   * empty database. Runs once per test run and schema; every further database is a copy.
   */
  prepare(target: DatabaseAddresses): Promise<void>;
}

const templateLock = 7_320_661;

/** A new database like the template of that schema, in about 30 ms; the template is made by the first caller of a run. */
export async function createTestDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  const { url, run } = await serverAddress('postgres');
  const template = `florin_test_${run}_${options.schema}${options.variant === undefined ? '' : `_${options.variant}`}`;
  const name = `${template}_${randomBytes(5).toString('hex')}`;
  await withClient(url, async (client) => {
    await ensureTemplate(client, url, template, options);
    await client.query(`create database ${name} template ${template}`);
    await copySettings(client, template, name);
  });
  return {
    ...addresses(url, name, options.schema),
    urlFor: (role) => addressFor(url, name, role),
    drop: () => dropDatabases(url, name),
  };
}

async function ensureTemplate(
  client: pg.Client,
  adminUrl: string,
  template: string,
  options: TestDatabaseOptions,
): Promise<void> {
  if (await exists(client, template)) return;
  // One lock for all templates, held by this session: roles belong to the whole server, and making one from two
  // sessions at once fails.
  await client.query('select pg_advisory_lock($1)', [templateLock]);
  try {
    if (await exists(client, template)) return;
    const draft = `${template}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft}`);
    await options.prepare(addresses(adminUrl, draft, options.schema));
    // A connection that prepare left behind would make every copy fail.
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [draft]);
    await client.query(`alter database ${draft} rename to ${template}`);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [templateLock]);
  }
}

/** `create database` copies everything inside the template but not what `alter role … in database` said about it. */
async function copySettings(client: pg.Client, from: string, to: string): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter role %s in database %I set %I = ', setrole::regrole, $2::text, split_part(setting, '=', 1))
       || case when starts_with(setting, 'search_path=') then substr(setting, 13) else quote_literal(regexp_replace(setting, '^[^=]*=', '')) end
       as statement
     from pg_db_role_setting join pg_database on pg_database.oid = setdatabase, unnest(setconfig) as setting
     where datname = $1 and setrole <> 0`,
    [from, to],
  );
  for (const { statement } of rows) await client.query(statement);
}

async function exists(client: pg.Client, database: string): Promise<boolean> {
  const found = await client.query('select 1 from pg_database where datname = $1', [database]);
  return found.rowCount === 1;
}

function addresses(adminUrl: string, database: string, schema: string): DatabaseAddresses {
  return {
    database,
    adminUrl: withDatabase(adminUrl, database),
    url: addressFor(adminUrl, database, schema),
    ownerUrl: addressFor(adminUrl, database, `${schema}_owner`),
    busUrl: addressFor(adminUrl, database, 'bus'),
  };
}

function withDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

function addressFor(adminUrl: string, database: string, role: string): string {
  const url = new URL(withDatabase(adminUrl, database));
  url.username = role;
  url.password = testPassword;
  return url.href;
}
