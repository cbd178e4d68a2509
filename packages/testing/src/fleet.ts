import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type FleetFile, freePort, homeFiles, portSettings, readFleetFile, startProgram } from '@florin/local';
import { testAmqpUrl, testRedisUrl } from './servers.ts';

/** What fleet to start. */
export interface FleetOptions {
  /** `rabbitmq` also brings Redis. */
  transport: 'embedded' | 'rabbitmq';
  /** Settings for the supervisor and every process; OTEL_* and LOG_LEVEL too. FLORIN_DEMO is off unless set here. */
  env?: Record<string, string>;
}

/** One process as it runs now. */
export type FleetProcess = FleetFile['processes'][number];

/** A whole fleet of a test's own. The fields of fleet.json are as they were when it had become ready. */
export interface Fleet extends FleetFile {
  /** FLORIN_HOME; removed at the stop. */
  home: string;
  /** Process id of the supervisor. */
  supervisor: number;
  /** The process of that name, with the process id of its latest start. */
  process(name: string): FleetProcess;
  /** Sends a signal to a process, SIGKILL unless told; the supervisor starts it again when it ends. */
  kill(name: string, signal?: NodeJS.Signals): void;
  /** Everything a process has written so far: JSON lines. */
  logs(name: string): string;
  /** What the supervisor has written so far. */
  output(): string;
  stop(): Promise<void>;
}

const environmentOfTests = [
  ...['DATABASE_URL', 'AMQP_URL', 'REDIS_URL', 'SMTP_URL'],
  ...['NODE_OPTIONS', 'NODE_ENV', 'VITEST'],
];

/**
 * Starts the fleet as `npm start` does, on free ports in a temporary folder, and waits until it is ready. It ends with
 * this process at the latest.
 *
 * @throws Error with the supervisor's output when it does not get ready
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const home = mkdtempSync(join(realpathSync(tmpdir()), 'florin-fleet-'));
  let output = '';
  const child = spawn(process.execPath, [startProgram], {
    env: await fleetEnvironment(home, options),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      output += data;
    });
  }
  const ended = once(child, 'exit');
  const first = await Promise.race([once(child, 'message'), ended]);
  if (first[0] !== 'ready') {
    rmSync(home, { recursive: true, force: true });
    throw new Error(`The fleet did not start:\n${output}`);
  }
  return describeFleet(home, child, ended, () => output);
}

async function fleetEnvironment(home: string, { transport, env = {} }: FleetOptions): Promise<NodeJS.ProcessEnv> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !environmentOfTests.includes(name) && !name.startsWith('VITEST_'),
  );
  const ports = await Promise.all(portSettings.map(async ({ variable }) => [variable, String(await freePort())]));
  const servers = transport === 'rabbitmq' ? { AMQP_URL: await testAmqpUrl(), REDIS_URL: await ownRedisUrl() } : {};
  return {
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(ports),
    ...servers,
    FLORIN_HOME: home,
    FLORIN_TEMPORARY: 'on',
    FLORIN_DEMO: 'off',
    // Other fleets may be on the same broker.
    BUS_NAMESPACE: `fleet-${process.pid}-${Date.now().toString(36)}`,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(dirname(startProgram), '../../../.florin/compile-cache'),
    ...env,
  };
}

/** One of Redis' numbered databases. */
async function ownRedisUrl(): Promise<string> {
  const url = new URL(await testRedisUrl());
  url.pathname = `/${randomInt(1, 16)}`;
  return url.href;
}

function describeFleet(home: string, child: ChildProcess, ended: Promise<unknown>, output: () => string): Fleet {
  const files = homeFiles(home);
  const processNow = (name: string): FleetProcess => {
    const found = readFleetFile(files.fleet).processes.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`The fleet has no process called ${name}.`);
    return found;
  };
  return {
    ...readFleetFile(files.fleet),
    home,
    supervisor: child.pid ?? 0,
    process: processNow,
    kill: (name, signal = 'SIGKILL') => {
      process.kill(processNow(name).pid, signal);
    },
    logs: (name) => readFileSync(join(files.logs, `${name}.log`), 'utf8'),
    output,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      // A supervisor that a test has killed could not.
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
