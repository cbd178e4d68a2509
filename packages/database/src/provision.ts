import pg from 'pg';
import { scramVerifier } from './scram.ts';

/** One service's share of the database. `name` is role, owner prefix and schema: small letters, digits, '_'. */
export interface ProvisionedService {
  name: string;
  /** Of the role <name>, which the service runs as. */
  password: string;
  /** Of the role <name>_owner, which runs the migrations. */
  ownerPassword: string;
}

/** What to make. Passwords are ASCII. */
export interface ProvisionOptions {
  /** A role that may create roles and databases; its database is where the lock is taken. */
  adminUrl: string;
  /** Made when missing; the database of `adminUrl` unless told. */
  database?: string;
  services: readonly ProvisionedService[];
  /** Password of the role `bus`, which owns the schema `bus` of the embedded transport. No bus without it. */
  busPassword?: string;
}

/** Connection strings for what was made. Secrets: never log them. */
export interface Provisioned {
  /** The admin, in the provisioned database. */
  adminUrl: string;
  services: Record<string, { url: string; ownerUrl: string }>;
  busUrl?: string;
}

const lockKey = 704_113_001;
const validName = /^[a-z][a-z0-9_]{0,50}$/;
const quote = pg.escapeIdentifier;
const literal = pg.escapeLiteral;

/**
 * Gives every service its own schema in one database: the role <name>_owner owns it and migrates it, the role <name>
 * runs the service and may read and write rows but change no table; no role can see another's schema.
 *
 * May be run again (it then only sets what is missing, and the passwords) and by several processes at once.
 * @throws Error when a name is not allowed, and what the database throws when the admin's rights don't suffice.
 */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const names = options.services.map((service) => service.name);
  for (const name of names) {
    if (!validName.test(name) || name === 'bus') throw new Error(`A service cannot be called '${name}'`);
  }
  const database = options.database ?? databaseOf(options.adminUrl);
  return await withAdmin(options.adminUrl, async (admin) => {
    await admin.query('select pg_advisory_lock($1)', [lockKey]);
    await createDatabaseIfMissing(admin, database);
    const adminUrl = urlFor(options.adminUrl, database);
    await withAdmin(adminUrl, (client) => furnish(client, database, options));
    return {
      adminUrl,
      services: Object.fromEntries(
        options.services.map(({ name, password, ownerPassword }) => [
          name,
          {
            url: urlFor(adminUrl, database, name, password),
            ownerUrl: urlFor(adminUrl, database, `${name}_owner`, ownerPassword),
          },
        ]),
      ),
      ...(options.busPassword !== undefined && { busUrl: urlFor(adminUrl, database, 'bus', options.busPassword) }),
    };
  });
}

async function withAdmin<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'florin-provision',
    connectionTimeoutMillis: 5_000,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function databaseOf(url: string): string {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  if (name === '') throw new Error('The admin URL names no database');
  return name;
}

function urlFor(base: string, database: string, user?: string, password?: string): string {
  const url = new URL(base);
  url.pathname = `/${encodeURIComponent(database)}`;
  if (user !== undefined) url.username = encodeURIComponent(user);
  if (password !== undefined) url.password = encodeURIComponent(password);
  return url.href;
}

async function createDatabaseIfMissing(admin: pg.Client, database: string): Promise<void> {
  const found = await admin.query('select 1 from pg_database where datname = $1', [database]);
  if (found.rowCount === 0) await admin.query(`create database ${quote(database)}`);
}

async function furnish(client: pg.Client, database: string, options: ProvisionOptions): Promise<void> {
  await client.query('begin');
  // Whoever provisions the same database from another admin database waits here.
  await client.query('select pg_advisory_xact_lock($1)', [lockKey + 1]);
  await client.query(`revoke all on database ${quote(database)} from public`);
  await client.query('revoke all on schema public from public');
  for (const service of options.services) await furnishService(client, database, service);
  if (options.busPassword !== undefined) {
    await ensureRole(client, database, 'bus', options.busPassword, 'bus');
    await ensureSchema(client, 'bus', 'bus');
  }
  await client.query('commit');
}

async function furnishService(client: pg.Client, database: string, service: ProvisionedService): Promise<void> {
  const { name, password, ownerPassword } = service;
  const ownerName = `${name}_owner`;
  await ensureRole(client, database, ownerName, ownerPassword, name);
  await ensureRole(client, database, name, password, name);
  await ensureSchema(client, name, ownerName);
  const [role, owner, schema] = [quote(name), quote(ownerName), quote(name)];
  await client.query(`grant usage on schema ${schema} to ${role}`);
  const defaults = `alter default privileges for role ${owner} in schema ${schema} grant`;
  await client.query(`${defaults} select, insert, update, delete on tables to ${role}`);
  await client.query(`${defaults} usage, select on sequences to ${role}`);
  await client.query(`${defaults} execute on functions to ${role}`);
  for (const [setting, value] of [
    ['statement_timeout', '5s'],
    ['idle_in_transaction_session_timeout', '5s'],
  ] as const) {
    await client.query(`alter role ${role} in database ${quote(database)} set ${setting} = ${literal(value)}`);
  }
}

async function ensureRole(
  client: pg.Client,
  database: string,
  name: string,
  password: string,
  schema: string,
): Promise<void> {
  const role = quote(name);
  const found = await client.query('select 1 from pg_roles where rolname = $1', [name]);
  if (found.rowCount === 0) await client.query(`create role ${role} login`);
  await client.query(`alter role ${role} login password ${literal(scramVerifier(password))}`);
  await client.query(`grant connect on database ${quote(database)} to ${role}`);
  await client.query(`alter role ${role} in database ${quote(database)} set search_path = ${quote(schema)}`);
}

async function ensureSchema(client: pg.Client, schema: string, owner: string): Promise<void> {
  // An admin that is no superuser (a managed Postgres) must be a member of the role it gives the schema to.
  const { rows } = await client.query("select pg_has_role(current_user, $1, 'member') as member", [owner]);
  if (!rows[0].member) await client.query(`grant ${quote(owner)} to current_user`);
  await client.query(`create schema if not exists ${quote(schema)} authorization ${quote(owner)}`);
  await client.query(`revoke all on schema ${quote(schema)} from public`);
}
