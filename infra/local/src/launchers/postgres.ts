import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type LeashedServer, startLeashed } from './leashed.ts';
import { freePort } from './ports.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { giveFolderTo, type PostgresUser, postgresUser } from './postgres-user.ts';
import { findProgram, plainEnvironment } from './programs.ts';

/** How a private Postgres is started. */
export interface PostgresOptions {
  /** Folder for lasting data; without it the data is temporary and removed at the stop. */
  folder?: string;
  /** Default: a free one. */
  port?: number;
  /** Superuser's password; must stay the same for lasting data. Default: random. */
  password?: string;
  /** False gives up surviving a power cut for speed (`fsync=off`). Default: true with a folder, false without. */
  durable?: boolean;
  /** Default 300. */
  maxConnections?: number;
  /** Further server settings, such as `{ log_statement: 'all' }`. */
  settings?: Record<string, string>;
  /** Other programs than npm's, such as a distribution's of another version; only for temporary data. */
  binaries?: PostgresBinaries;
}

/** A running server that this process owns. */
export interface RunningServer {
  url: string;
  /** Leads a process group of its own: a signal to `-pid` reaches the server's helpers and, for RabbitMQ, the server itself. */
  pid: number;
  port: number;
  /** Resolves with one line about it when the server ended by itself. */
  exited: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL 18 that npm brought along, unless told otherwise. It stops when this process ends, even by SIGKILL.
 *
 * @throws Error with one clear line when the binaries are missing, the user cannot run them, or the server does not start
 */
export async function launchPostgres(options: PostgresOptions = {}): Promise<RunningServer> {
  const binaries = options.binaries ?? postgresBinaries();
  const root = options.folder ?? mkdtempSync(join(realpathSync(tmpdir()), 'florin-postgres-'));
  const password = options.password ?? randomBytes(16).toString('hex');
  const port = options.port ?? (await freePort());
  try {
    mkdirSync(root, { recursive: true });
    if (options.folder === undefined) chmodSync(root, 0o711);
    const user = postgresUser(binaries.postgres, root);
    prepareFolder(root, user, binaries, password, options);
    const server = await startServer(root, user, binaries, port, options);
    const url = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
    await untilAccepting(url, server);
    return { url, port, pid: server.pid, exited: server.exited, stop: server.stop };
  } catch (error) {
    if (options.folder === undefined) rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

function prepareFolder(
  root: string,
  user: PostgresUser,
  binaries: PostgresBinaries,
  password: string,
  options: PostgresOptions,
): void {
  const data = join(root, 'data');
  if (existsSync(join(data, 'PG_VERSION'))) {
    checkVersion(data);
    giveFolderTo(user, data);
    return;
  }
  // A first start that was interrupted leaves half a cluster, which initdb refuses.
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { mode: 0o700 });
  const passwordFile = join(data, '..', `password-${process.pid}`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user.uid !== undefined) chownSync(passwordFile, user.uid, user.uid);
  giveFolderTo(user, data);
  const sync = isDurable(options) ? [] : ['--no-sync'];
  const [file = '', ...args] = [
    ...user.prefix,
    binaries.initdb,
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Versions before 17 know no locales of their own.
    ...(options.binaries === undefined ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []),
    '--locale=C',
    ...sync,
  ];
  try {
    const identity = user.uid === undefined ? {} : { uid: user.uid, gid: user.uid };
    execFileSync(file, args, { stdio: 'pipe', cwd: data, env: plainEnvironment(), ...identity });
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`Postgres could not make its data folder ${data}: ${output}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function checkVersion(data: string): void {
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (version !== '18') {
    throw new Error(
      `The data in ${data} is of PostgreSQL ${version}; this checkout runs 18. Move that folder away or upgrade it.`,
    );
  }
}

function startServer(
  root: string,
  user: PostgresUser,
  binaries: PostgresBinaries,
  port: number,
  options: PostgresOptions,
): Promise<LeashedServer> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 300),
    fsync: isDurable(options) ? 'on' : 'off',
    full_page_writes: isDurable(options) ? 'on' : 'off',
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...options.settings,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // Should the leash itself be killed, the kernel still stops the server.
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'INT', '--'];
  const [file = '', ...rest] = [...user.prefix, ...guard, binaries.postgres, '-D', join(root, 'data'), ...args];
  return startLeashed({
    commands: [{ file, args: rest }],
    cwd: root,
    env: plainEnvironment(),
    logFile: join(root, 'postgres.log'),
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    // SIGINT is Postgres' "fast" stop: clients are sent away, data is written out.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 10_000,
    removeFolders: options.folder === undefined ? [root] : [],
  });
}

function isDurable(options: PostgresOptions): boolean {
  return options.durable ?? options.folder !== undefined;
}

async function untilAccepting(url: string, server: LeashedServer): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
    client.on('error', () => {});
    try {
      await Promise.race([client.connect(), server.failed]);
      await client.end();
      return;
    } catch (error) {
      client.end().catch(() => {});
      const retry =
        error instanceof Error &&
        'code' in error &&
        ['ECONNREFUSED', '57P03', 'ECONNRESET'].includes(String(error.code));
      if (!retry || Date.now() > deadline) {
        await server.stop();
        throw error;
      }
    }
    await sleep(10);
  }
}
