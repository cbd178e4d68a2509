import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What the leash is told to run: helpers first, the server itself last. */
export interface LeashOrder {
  commands: { file: string; args: string[] }[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Appended to; made with mode 0600. */
  logFile: string;
  /** Run as this user and group (only root can). */
  uid?: number;
  stopSignal: NodeJS.Signals;
  /** How long the server may take to stop before it is killed. */
  stopTimeoutMs: number;
  /** Removed when the server has stopped. */
  removeFolders: string[];
}

/** What the leash tells its owner, one JSON line each. */
export type LeashReport =
  | { type: 'started'; pid: number }
  | { type: 'failed'; message: string }
  | { type: 'exited'; code: number | null; signal: NodeJS.Signals | null };

/** A server that cannot outlive this process. */
export interface LeashedServer {
  pid: number;
  /** Resolves with one line about the end when the server ended without `stop()`. */
  exited: Promise<string>;
  /** Never resolves; rejects when the server ends without `stop()`. */
  failed: Promise<never>;
  /** Stops the server, waits for it and removes its temporary folders. */
  stop(): Promise<void>;
}

/**
 * Starts a server that stops when this process ends, even by SIGKILL: a small process in between holds a pipe to this
 * one and acts at its end.
 *
 * @throws Error with the reason when the program cannot be started
 */
export async function startLeashed(order: LeashOrder): Promise<LeashedServer> {
  const leash = spawn(process.execPath, [fileURLToPath(new URL('./leash.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
  });
  const gone = new Promise<void>((resolve) => leash.once('exit', () => resolve()));
  leash.stdin.on('error', () => {});
  leash.stdin.write(`${JSON.stringify(order)}\n`);
  const exit = Promise.withResolvers<string>();
  const started = Promise.withResolvers<number>();
  createInterface({ input: leash.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as LeashReport;
    if (message.type === 'started') started.resolve(message.pid);
    else if (message.type === 'failed') started.reject(new Error(message.message));
    else exit.resolve(`ended with ${message.signal ?? `status ${message.code}`}`);
  });
  leash.once('error', started.reject);
  gone.then(() => started.reject(new Error('its leash ended early')));
  const pid = await started.promise;
  const failed = exit.promise.then((how) => {
    throw new Error(`${order.commands.at(-1)?.file} ${how}${lastLines(order.logFile)}`);
  });
  failed.catch(() => {});
  return {
    pid,
    exited: exit.promise,
    failed,
    stop: async () => {
      leash.stdin.end();
      await gone;
    },
  };
}

function lastLines(file: string): string {
  try {
    return `: ${readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' | ')}`;
  } catch {
    return '';
  }
}
