import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, homeFiles } from '@florin/local';
import { eventually, type Fleet } from '@florin/testing';
import { root } from '../repository.ts';

/** A second process of the transactions service on the fleet's database and broker, which no supervisor looks after. */
export interface Replica {
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** Sends a signal and waits for the end of the process; its exit code, or null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Starts it again after its end, and waits until it is ready. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const exitWithParent = join(root, 'infra/local/src/exit-with-parent.ts');

/** @throws Error with the end of its log when it does not get ready */
export async function startReplica(fleet: Fleet, settings: NodeJS.ProcessEnv): Promise<Replica> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(homeFiles(fleet.home).logs, 'transactions-2.log');
  const environment = replicaEnvironment(fleet, port, settings);
  let child: ChildProcess | undefined;
  const replica: Replica = {
    url,
    logFile,
    get pid() {
      return child?.pid ?? 0;
    },
    async end(signal) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
      const ended = once(child, 'exit') as Promise<[number | null]>;
      child.kill(signal);
      return (await ended)[0];
    },
    async start() {
      await eventually(
        async () => {
          // Like the supervisor of the fleet: a start that fails, say because the database is away, is made again.
          if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
            child = spawnReplica(environment, logFile);
          }
          const reply = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
          if (!reply.ok)
            throw new Error(`The second replica is not ready: ${readFileSync(logFile, 'utf8').slice(-500)}`);
        },
        { timeoutMs: 60_000, intervalMs: 100 },
      );
    },
    async stop() {
      child?.kill('SIGCONT');
      await replica.end('SIGKILL');
    },
  };
  await replica.start();
  return replica;
}

function spawnReplica(environment: NodeJS.ProcessEnv, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, ['--import', exitWithParent, '--import', './src/telemetry.ts', 'src/main.ts'], {
    cwd: join(root, 'services/transactions'),
    env: environment,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return child;
}

/** What the supervisor gives the first replica, but for the port. */
function replicaEnvironment(fleet: Fleet, port: number, settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const secrets = JSON.parse(readFileSync(homeFiles(fleet.home).secrets, 'utf8')) as Record<string, string>;
  const database = (role: string) => {
    const url = new URL(fleet.postgres.url);
    url.username = role;
    url.password = secrets[`database.${role}`] ?? '';
    return url.href;
  };
  return {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, '.florin/compile-cache'),
    HOST: '127.0.0.1',
    PORT: String(port),
    DATABASE_URL: database('transactions'),
    BUS_URL: fleet.amqp ?? database('bus'),
    IDENTITY_URL: fleet.process('identity').url,
    NOTIFICATION_URL: fleet.process('notification').url,
    SERVICE_CLIENT_SECRET: secrets['client.transactions'],
    LEDGER_SEAL_KEY: secrets['transactions.seals'],
    SANDBOX_PROVIDER_URL: fleet.process('sandbox-provider').url,
    SANDBOX_PROVIDER_API_KEY: secrets['sandbox-provider.api-key'],
    SANDBOX_PROVIDER_WEBHOOK_SECRET: secrets['sandbox-provider.webhooks'],
    ...settings,
  };
}
