import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  launchPostgres,
  launchRabbitmq,
  launchRedis,
  obtainRabbitmq,
  obtainRedis,
  type RunningRabbitmq,
  type RunningServer,
} from '@florin/local';
import pg from 'pg';
import { PrivateServer } from './private-server.ts';

/** Servers that nobody else uses, each behind a proxy, on data that survives kill -9. */
export interface Servers {
  readonly postgres: PrivateServer;
  /** A superuser's addresses in the fleet's database: straight, and by the proxy. */
  readonly database: { readonly url: string; readonly proxied: string };
  /** Undefined where it is not installed and can't be: a container can't be killed and started again. Likewise Redis. */
  readonly rabbitmq: PrivateServer<RunningRabbitmq> | undefined;
  readonly redis: PrivateServer | undefined;
  stop(): Promise<void>;
}

const database = 'florin';

/** Starts all at once. */
export async function startServers(): Promise<Servers> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'florin-faults-'));
  // Root runs Postgres as another user.
  chmodSync(folder, 0o711);
  const starting = await Promise.allSettled([
    startPostgres(join(folder, 'postgres')),
    installed((port) => launchRabbitmq({ folder: join(folder, 'rabbitmq'), ...port }), obtainRabbitmq),
    installed((port) => launchRedis({ folder: join(folder, 'redis'), ...port }), obtainRedis),
  ] as const);
  const stop = async () => {
    await Promise.all(starting.map((one) => (one.status === 'fulfilled' ? one.value?.stop() : undefined)));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const [postgres, rabbitmq, redis] = starting;
  if (postgres.status === 'rejected' || rabbitmq.status === 'rejected' || redis.status === 'rejected') {
    await stop();
    throw starting.find((one) => one.status === 'rejected')?.reason;
  }
  const { current, proxy } = postgres.value;
  return {
    postgres: postgres.value,
    database: { url: inDatabase(current.url), proxied: inDatabase(proxy.url) },
    rabbitmq: rabbitmq.value,
    redis: redis.value,
    stop,
  };
}

async function startPostgres(folder: string): Promise<PrivateServer> {
  // With a folder it is durable: fsync, full_page_writes and synchronous_commit are on. The password is part of the data.
  const options = { folder, password: 'faults', settings: { checkpoint_timeout: '30s', max_wal_size: '4GB' } };
  const server = await PrivateServer.start((port) => launchPostgres({ ...options, ...given(port) }));
  await withClient(server.current.url, (client) => client.query(`create database ${database}`));
  return server;
}

async function installed<Server extends RunningServer>(
  launch: (port: { port?: number }) => Promise<Server>,
  obtain: (environment: NodeJS.ProcessEnv) => Promise<{ stop(): Promise<void> }>,
): Promise<PrivateServer<Server> | undefined> {
  const start = () => PrivateServer.start((port) => launch(given(port)));
  const isMissing = (error: unknown) => error instanceof Error && error.message.includes('is not installed');
  return await start().catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await (await obtain({})).stop();
    return await start().catch((again: unknown) => {
      if (isMissing(again)) return undefined;
      throw again;
    });
  });
}

function given(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port };
}

function inDatabase(address: string): string {
  const url = new URL(address);
  url.pathname = `/${database}`;
  return url.href;
}

/** Connects as whoever the address says, works and disconnects. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
