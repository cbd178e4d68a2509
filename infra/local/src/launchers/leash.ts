// A program, not a module: runs one server and stops it when the process that asked for it is gone.
// The first line on stdin is the order (LeashOrder as JSON); the end of stdin means that the owner ended, however it did.
// It runs in a session of its own, so neither Ctrl-C in a terminal nor a signal to the owner's group reaches it.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { LeashOrder, LeashReport } from './leashed.ts';

const children: ChildProcess[] = [];
let order: LeashOrder | undefined;
let ending = false;

function report(message: LeashReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch {
    // The group has ended already.
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function ended(child: ChildProcess, withinMs: number): Promise<void> {
  if (hasEnded(child)) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, withinMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  for (const child of children.toReversed()) {
    // A frozen server cannot act on its stop signal.
    signalGroup(child, 'SIGCONT');
    signalGroup(child, order?.stopSignal ?? 'SIGTERM');
    await ended(child, order?.stopTimeoutMs ?? 5000);
    signalGroup(child, 'SIGKILL');
    await ended(child, 2000);
  }
  for (const folder of order?.removeFolders ?? []) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  process.exit(0);
}

function start(received: LeashOrder): void {
  order = received;
  const log = openSync(received.logFile, 'a', 0o600);
  for (const command of received.commands) {
    const child = spawn(command.file, command.args, {
      cwd: received.cwd,
      env: received.env,
      stdio: ['ignore', log, log],
      detached: true,
      ...(received.uid === undefined ? {} : { uid: received.uid, gid: received.uid }),
    });
    children.push(child);
    child.once('error', (error) => report({ type: 'failed', message: error.message }));
  }
  const main = children.at(-1);
  if (main === undefined) return;
  if (main.pid !== undefined) report({ type: 'started', pid: main.pid });
  main.once('exit', (code, signal) => {
    if (ending) return;
    report({ type: 'exited', code, signal });
    end();
  });
}

// The owner may be gone while a report is on its way.
process.stdout.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end());
const input = createInterface({ input: process.stdin });
input.once('line', (line) => start(JSON.parse(line)));
input.once('close', () => end());
