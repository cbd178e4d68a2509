import { execFileSync } from 'node:child_process';
import { containerImages, isDockerRunning, launchContainer } from './docker.ts';
import type { RunningServer } from './postgres.ts';
import { findProgram } from './programs.ts';
import { isRabbitmqInstalled, launchRabbitmq } from './rabbitmq.ts';
import { isRedisInstalled, launchRedis } from './redis.ts';

/** A server to use: its address, and a stop that does nothing for one that is not ours. */
export interface ObtainedServer {
  url: string;
  pid?: number;
  stop(): Promise<void>;
}

/** The ways to a server, in the order in which they are tried. */
export interface Ways {
  name: string;
  variable: string;
  debianPackage: string;
  url: string | undefined;
  isInstalled(): boolean;
  launch(): Promise<RunningServer>;
  isDockerRunning(): boolean;
  launchContainer(): Promise<RunningServer>;
  canInstall(): boolean;
  install(debianPackage: string): void;
}

/**
 * Gets a server: by its address from the environment, else from installed programs, else from a container, else from
 * Debian packages installed as root.
 *
 * @throws Error with one line that says what to install
 */
export async function obtain(ways: Ways): Promise<ObtainedServer> {
  if (ways.url) return { url: ways.url, stop: async () => {} };
  if (ways.isInstalled()) return await ways.launch();
  if (ways.isDockerRunning()) return await ways.launchContainer();
  if (ways.canInstall()) {
    ways.install(ways.debianPackage);
    if (ways.isInstalled()) return await ways.launch();
  }
  throw new Error(
    `${ways.name} is needed: install it (${ways.debianPackage}), start Docker, or set ${ways.variable} to its address.`,
  );
}

function aptInstall(debianPackage: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    execFileSync('apt-get', ['update', '--quiet'], { stdio: 'ignore', env });
    execFileSync('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', debianPackage], {
      stdio: 'ignore',
      env,
    });
  } catch {
    // Without a network there is nothing to install; the caller says what is missing.
  }
}

function canAptInstall(): boolean {
  return process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
}

/** RabbitMQ from AMQP_URL or one of the other ways of `obtain`. */
export function obtainRabbitmq(environment: NodeJS.ProcessEnv = process.env): Promise<ObtainedServer> {
  return obtain({
    name: 'RabbitMQ',
    variable: 'AMQP_URL',
    debianPackage: 'rabbitmq-server',
    url: environment.AMQP_URL,
    isInstalled: isRabbitmqInstalled,
    launch: launchRabbitmq,
    isDockerRunning,
    launchContainer: () => launchContainer(containerImages.rabbitmq),
    canInstall: canAptInstall,
    install: aptInstall,
  });
}

/** Redis from REDIS_URL or one of the other ways of `obtain`. */
export function obtainRedis(environment: NodeJS.ProcessEnv = process.env): Promise<ObtainedServer> {
  return obtain({
    name: 'Redis',
    variable: 'REDIS_URL',
    debianPackage: 'redis-server',
    url: environment.REDIS_URL,
    isInstalled: isRedisInstalled,
    launch: launchRedis,
    isDockerRunning,
    launchContainer: () => launchContainer(containerImages.redis),
    canInstall: canAptInstall,
    install: aptInstall,
  });
}

/** Postgres from DATABASE_URL (a superuser's address), else a private temporary one. */
export function obtainTestPostgres(
  environment: NodeJS.ProcessEnv,
  launch: () => Promise<RunningServer>,
): Promise<ObtainedServer> {
  if (environment.DATABASE_URL) return Promise.resolve({ url: environment.DATABASE_URL, stop: async () => {} });
  return launch();
}
