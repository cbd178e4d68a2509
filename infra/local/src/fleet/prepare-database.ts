import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { ProcessDefinition } from './processes.ts';

const run = promisify(execFile);

/** What a database must hold before the fleet starts. */
export interface DatabasePlan {
  /** The checkout. */
  root: string;
  /** A superuser's address; its database is used. */
  adminUrl: string;
  definitions: readonly ProcessDefinition[];
  secret(name: string): string;
  /** Skip all work when this server was prepared the same way before: only for a server that nobody else changes. */
  trustMark: boolean;
}

/** Creates a database of that name where it is missing, and returns the address of it. */
export async function ensureDatabase(adminUrl: string, name: string): Promise<string> {
  await withClient(adminUrl, async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  });
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Makes roles and schemas, then runs every service's migrations, each as the service's own owner role. */
export async function prepareDatabase(plan: DatabasePlan): Promise<void> {
  const mark = `prepared ${fingerprint(plan)}`;
  if (plan.trustMark && (await readMark(plan.adminUrl)) === mark) return;
  const services = plan.definitions.flatMap(({ name, folder, schema }) => (schema ? [{ name, folder, schema }] : []));
  await runProgram('Making roles and schemas', plan.root, 'packages/database/src/provision-main.ts', {
    ADMIN_DATABASE_URL: plan.adminUrl,
    BUS_DATABASE_PASSWORD: plan.secret('database.bus'),
    ...Object.fromEntries(services.flatMap(({ schema }) => passwordVariables(schema, plan.secret))),
  });
  await Promise.all(
    services.map(({ name, folder, schema }) =>
      runProgram(`Migrating ${name}`, join(plan.root, folder), 'src/migrate.ts', {
        MIGRATION_DATABASE_URL: roleUrl(plan, `${schema}_owner`),
      }),
    ),
  );
  await writeMark(plan.adminUrl, mark);
}

/** The address for a role made by `prepareDatabase`. */
export function roleUrl({ adminUrl, secret }: Pick<DatabasePlan, 'adminUrl' | 'secret'>, role: string): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = secret(`database.${role}`);
  return url.href;
}

function passwordVariables(schema: string, secret: DatabasePlan['secret']): [string, string][] {
  const prefix = schema.toUpperCase();
  return [
    [`${prefix}_DATABASE_PASSWORD`, secret(`database.${schema}`)],
    [`${prefix}_OWNER_DATABASE_PASSWORD`, secret(`database.${schema}_owner`)],
  ];
}

async function runProgram(what: string, cwd: string, file: string, environment: NodeJS.ProcessEnv): Promise<void> {
  try {
    await run(process.execPath, [file], { cwd, env: { ...process.env, ...environment } });
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`${what} failed: ${tellingLine(stderr) ?? String(error)}`);
  }
}

function tellingLine(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => /^\w*Error\b|^error:/.test(line)) ?? lines.at(0);
}

/** Everything that decides what `prepareDatabase` would do. */
function fingerprint({ root, definitions, secret }: DatabasePlan): string {
  const hash = createHash('sha256');
  const add = (file: string) => hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  const database = join('packages', 'database', 'src');
  for (const file of ['provision.ts', 'migrate.ts', 'outbox.ts', 'inbox.ts', 'idempotency.ts'])
    add(join(database, file));
  for (const { folder, schema } of definitions) {
    if (schema === undefined) continue;
    hash.update(`${schema} ${secret(`database.${schema}`)} ${secret(`database.${schema}_owner`)}\n`);
    const migrations = join(folder, 'migrations');
    if (!existsSync(join(root, migrations))) continue;
    for (const name of readdirSync(join(root, migrations)).sort()) add(join(migrations, name));
  }
  return hash.update(secret('database.bus')).digest('hex');
}

async function readMark(adminUrl: string): Promise<string | undefined> {
  let mark: string | undefined;
  await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ mark: string | null }>(
      "select shobj_description(oid, 'pg_database') as mark from pg_database where datname = current_database()",
    );
    mark = rows[0]?.mark ?? undefined;
  });
  return mark;
}

// The comment of the database lives and dies with it, unlike a file beside it.
async function writeMark(adminUrl: string, mark: string): Promise<void> {
  await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>('select current_database() as name');
    const name = pg.escapeIdentifier(rows[0]?.name ?? '');
    await client.query(`comment on database ${name} is ${pg.escapeLiteral(mark)}`);
  });
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
