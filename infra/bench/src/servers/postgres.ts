import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable, launchPostgres, type RunningServer } from '@florin/local';
import pg from 'pg';

/** The server that floors and Florin run on. */
export interface BenchServer {
  readonly url: string;
  readonly pid: number;
  /** Full path; undefined where pgbench is not installed. */
  readonly pgbench: string | undefined;
  /** As the server says: version and what makes a commit durable. */
  readonly description: string;
  stop(): Promise<void>;
}

// A checkpoint in the middle of one short run and none in the next would be noise. Durability is untouched.
const settings = { max_wal_size: '4GB', min_wal_size: '2GB', checkpoint_timeout: '30min' };
/** Of 16 MiB each: what all runs write together. */
const logSegments = 128;

/** Starts a Postgres with full durability: Debian's newest with its pgbench where installed, else npm's. */
export async function startBenchServer(): Promise<BenchServer> {
  const debian = debianFolder();
  const server = await launchPostgres({
    durable: true,
    settings,
    ...(debian === undefined
      ? {}
      : { binaries: { initdb: join(debian, 'initdb'), postgres: join(debian, 'postgres') } }),
  });
  await withClient(server.url, fillLog);
  return {
    url: server.url,
    pid: server.pid,
    pgbench: debian === undefined ? undefined : join(debian, 'pgbench'),
    description: await describe(server),
    stop: server.stop,
  };
}

/**
 * A server that has run for a while writes its log into files of before, which a checkpoint has set aside. A new one makes
 * each, and whoever commits waits until 16 MiB of zeros are on the disk. So files are made and set aside here.
 */
async function fillLog(client: pg.Client): Promise<void> {
  for (let count = 0; count < logSegments; count += 1) {
    await client.query("select pg_logical_emit_message(false, 'bench', 'next')");
    await client.query('select pg_switch_wal()');
  }
  await client.query('checkpoint');
}

function debianFolder(): string | undefined {
  const all = '/usr/lib/postgresql';
  if (!existsSync(all)) return undefined;
  return readdirSync(all)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(all, version, 'bin'))
    .find((folder) => ['initdb', 'postgres', 'pgbench'].every((name) => isExecutable(join(folder, name))));
}

async function describe({ url }: RunningServer): Promise<string> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ text: string }>(
      `select format('PostgreSQL %s, fsync %s, synchronous_commit %s, full_page_writes %s',
        current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
        current_setting('full_page_writes')) as text`,
    );
    return rows[0]?.text ?? '';
  });
}

/** Connects, works and disconnects. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Removes what is dead in all databases and counts what is there. */
export async function vacuumAll(url: string): Promise<void> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ name: string }>('select datname as name from pg_database where datallowconn and not datistemplate'),
  );
  for (const { name } of rows) await withClient(databaseAt(url, name), (client) => client.query('vacuum (analyze)'));
}

/** Makes a database and returns its address. */
export async function createDatabase(url: string, name: string): Promise<string> {
  await withClient(url, (client) => client.query(`create database ${pg.escapeIdentifier(name)}`));
  return databaseAt(url, name);
}

function databaseAt(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}
