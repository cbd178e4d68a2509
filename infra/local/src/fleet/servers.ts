import { launchMail } from '../launchers/mail.ts';
import { obtainRabbitmq, obtainRedis } from '../launchers/obtain.ts';
import { launchPostgres, type RunningServer } from '../launchers/postgres.ts';
import { isRabbitmqInstalled, launchRabbitmq } from '../launchers/rabbitmq.ts';
import { isRedisInstalled, launchRedis } from '../launchers/redis.ts';
import type { homeFiles } from './home.ts';
import type { LocalSettings } from './local-settings.ts';
import { ManagedServer } from './managed-server.ts';
import { ensureDatabase } from './prepare-database.ts';

/** The servers the fleet works with, its own or given. */
export interface FleetServers {
  postgres: { readonly url: string; readonly pid: number | undefined };
  amqpUrl: string | null;
  redisUrl: string | null;
  /** Where mails are handed in, and the folder where they end when that is ours. */
  smtpUrl: string;
  mail: string | null;
  /** Ends those that are ours. */
  stop(): Promise<void>;
}

/** What the servers are started from. */
export interface ServersOptions {
  settings: LocalSettings;
  full: boolean;
  files: ReturnType<typeof homeFiles>;
  secret(name: string): string;
  /** A server of ours ended, or runs again. */
  onChange(text: string): void;
}

/**
 * Starts the servers whose addresses are not given, all at once.
 *
 * @throws Error with one line; what had started is ended
 */
export async function startServers(options: ServersOptions): Promise<FleetServers> {
  const { settings, full } = options;
  const own: { stop(): Promise<void> }[] = [];
  const keep = async <Server extends { stop(): Promise<void> }>(starting: Promise<Server>) => {
    const server = await starting;
    own.push(server);
    return server;
  };
  const results = await Promise.allSettled([
    startPostgres(options, keep),
    settings.amqpUrl ?? (full ? keep(startRabbitmq(options)).then(({ url }) => url) : null),
    settings.redisUrl ?? (full ? keep(startRedis(options)).then(({ url }) => url) : null),
    settings.smtpUrl ?? keep(startMail(options)).then(({ url }) => url),
  ] as const);
  const stop = async () => {
    await Promise.all(own.map((server) => server.stop()));
  };
  const [postgres, amqp, redis, smtp] = results;
  if (
    postgres.status === 'fulfilled' &&
    amqp.status === 'fulfilled' &&
    redis.status === 'fulfilled' &&
    smtp.status === 'fulfilled'
  ) {
    const mail = settings.smtpUrl === undefined ? options.files.mail : null;
    return { postgres: postgres.value, amqpUrl: amqp.value, redisUrl: redis.value, smtpUrl: smtp.value, mail, stop };
  }
  await stop();
  throw results.find((result) => result.status === 'rejected')?.reason;
}

async function startPostgres(
  { settings, files, secret, onChange }: ServersOptions,
  keep: (starting: Promise<ManagedServer>) => Promise<ManagedServer>,
): Promise<FleetServers['postgres']> {
  if (settings.databaseUrl !== undefined) return { url: settings.databaseUrl, pid: undefined };
  const launch = () =>
    launchPostgres({
      folder: files.postgres,
      port: settings.ports.FLORIN_POSTGRES_PORT ?? 54_320,
      password: secret('database.postgres'),
      durable: !settings.temporary,
    });
  const server = await keep(ManagedServer.start(launch, (text) => onChange(`Postgres ${text}`)));
  const url = await ensureDatabase(server.url, 'florin');
  return {
    url,
    get pid() {
      return server.pid;
    },
  };
}

/** One that is installed keeps its port over restarts, so that it can be started again under its clients. */
function startRabbitmq({ files, onChange }: ServersOptions) {
  if (!isRabbitmqInstalled()) return obtainRabbitmq();
  return relaunchable('RabbitMQ', (port) => launchRabbitmq({ folder: files.rabbitmq, ...port }), onChange);
}

function startRedis({ files, onChange }: ServersOptions) {
  if (!isRedisInstalled()) return obtainRedis();
  return relaunchable('Redis', (port) => launchRedis({ folder: files.redis, ...port }), onChange);
}

function startMail({ settings, files, onChange }: ServersOptions): Promise<ManagedServer> {
  const port = settings.ports.FLORIN_MAIL_PORT ?? 3025;
  const launch = () => launchMail({ port, folder: files.mail, logs: files.logs });
  return ManagedServer.start(launch, (text) => onChange(`The mail server ${text}`));
}

async function relaunchable(
  name: string,
  launch: (port: { port?: number }) => Promise<RunningServer>,
  onChange: (text: string) => void,
): Promise<ManagedServer> {
  let port: { port?: number } = {};
  const again = async () => {
    const server = await launch(port);
    port = { port: server.port };
    return server;
  };
  return await ManagedServer.start(again, (text) => onChange(`${name} ${text}`));
}
