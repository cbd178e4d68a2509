import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LeashedServer, startLeashed } from './leashed.ts';
import { freePort } from './ports.ts';
import type { RunningServer } from './postgres.ts';
import { findProgram, isExecutable, plainEnvironment } from './programs.ts';
import type { ServerOptions } from './redis.ts';

/** A running RabbitMQ, with what its command line tools need to reach it. */
export interface RunningRabbitmq extends RunningServer {
  /** Environment for `rabbitmqctl`, found at `control`. */
  environment: NodeJS.ProcessEnv;
  control: string;
}

interface Programs {
  server: string;
  control: string;
  epmd: string;
}

// Debian's /usr/sbin wrappers switch to the user "rabbitmq"; the scripts behind them run as anybody.
const scriptFolders = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin', '/usr/local/opt/rabbitmq/sbin'];

function findPrograms(): Programs | undefined {
  const folder = scriptFolders.find((candidate) => isExecutable(join(candidate, 'rabbitmq-server')));
  const server = folder === undefined ? findProgram('rabbitmq-server') : join(folder, 'rabbitmq-server');
  const control = folder === undefined ? findProgram('rabbitmqctl') : join(folder, 'rabbitmqctl');
  const epmd = findProgram('epmd') ?? erlangEpmd();
  return server && control && epmd ? { server, control, epmd } : undefined;
}

function erlangEpmd(): string | undefined {
  const erl = findProgram('erl');
  if (erl === undefined) return undefined;
  const root = execFileSync(erl, ['-noshell', '-eval', 'io:put_chars(code:root_dir()), halt().'], { encoding: 'utf8' });
  const epmd = join(root, 'bin', 'epmd');
  return isExecutable(epmd) ? epmd : undefined;
}

/** True when a RabbitMQ server is installed here. */
export function isRabbitmqInstalled(): boolean {
  return process.platform !== 'win32' && findPrograms() !== undefined;
}

/**
 * Starts the installed RabbitMQ on 127.0.0.1 as a node of its own: own folder, cookie, name server and ports. Takes
 * about four seconds.
 *
 * @throws Error when it is not installed or does not start
 */
export async function launchRabbitmq(options: ServerOptions = {}): Promise<RunningRabbitmq> {
  const programs = findPrograms();
  if (programs === undefined) throw new Error('RabbitMQ is not installed: no rabbitmq-server found.');
  const folder = options.folder ?? mkdtempSync(join(realpathSync(tmpdir()), 'florin-rabbitmq-'));
  mkdirSync(folder, { recursive: true });
  const port = options.port ?? (await freePort());
  const namePort = await freePort();
  writeConfiguration(folder, port);
  const environment = serverEnvironment(folder, namePort, await freePort());
  const server = await startLeashed({
    commands: [
      // In the foreground, so that it ends with the rest; RabbitMQ would leave one behind.
      { file: programs.epmd, args: ['-port', String(namePort), '-address', '127.0.0.1'] },
      { file: programs.server, args: [] },
    ],
    cwd: folder,
    env: environment,
    logFile: join(folder, 'rabbitmq.log'),
    // A graceful stop takes seconds and matters only to data that is kept.
    stopSignal: options.folder === undefined ? 'SIGKILL' : 'SIGTERM',
    stopTimeoutMs: 10_000,
    removeFolders: options.folder === undefined ? [folder] : [],
  });
  try {
    await untilReady(port, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  return {
    url,
    port,
    pid: server.pid,
    exited: server.exited,
    stop: server.stop,
    environment,
    control: programs.control,
  };
}

function writeConfiguration(folder: string, port: number): void {
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'loopback_users = none',
    'log.console = true',
    'log.console.level = warning',
    // The default, 50 MB free, is kept; absolute so that a container's small disk report does not stop it.
    'disk_free_limit.absolute = 50MB',
    'vm_memory_high_watermark.absolute = 512MB',
  ];
  writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  for (const file of ['enabled_plugins', 'rabbitmq-env.conf', 'advanced.config']) {
    if (!existsSync(join(folder, file))) writeFileSync(join(folder, file), file === 'rabbitmq-env.conf' ? '' : '[].\n');
  }
  const cookie = join(folder, '.erlang.cookie');
  if (!existsSync(cookie)) writeFileSync(cookie, randomBytes(20).toString('hex'), { mode: 0o400 });
}

function serverEnvironment(folder: string, namePort: number, nodePort: number): NodeJS.ProcessEnv {
  return {
    ...plainEnvironment(),
    HOME: folder,
    // With lasting data the name must stay the same: it is part of the data.
    RABBITMQ_NODENAME: 'florin@localhost',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(folder, 'rabbitmq.pid'),
    RABBITMQ_DIST_PORT: String(nodePort),
    ERL_EPMD_PORT: String(namePort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
}

async function untilReady(port: number, server: LeashedServer): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await Promise.race([greets(port), server.failed]))) {
    if (Date.now() > deadline) throw new Error('RabbitMQ did not start within 60 s.');
    await Promise.race([sleep(50), server.failed]);
  }
}

/** The port opens before the broker serves: only an answer to the protocol header counts. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write(Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')));
    socket.once('data', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.setTimeout(1000, () => finish(false));
  });
}
