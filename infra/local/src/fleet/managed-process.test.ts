import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ManagedProcess } from './managed-process.ts';

const worker = fileURLToPath(new URL('./fixtures/worker', import.meta.url));
let folder: string;
let lines: string[];
let exits: { how: string; waitMs: number }[];
let running: ManagedProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'florin-process-'));
  lines = [];
  exits = [];
});

afterEach(async () => {
  await running?.stop(500);
  running = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function start(environment: Record<string, string> = {}): ManagedProcess {
  running = new ManagedProcess({
    name: 'worker',
    folder: worker,
    environment: { PATH: process.env.PATH, ...environment },
    logFile: join(folder, 'worker.log'),
    onLines: (more) => lines.push(...more),
    onStart: () => {},
    onExit: (how, _count, waitMs) => exits.push({ how, waitMs }),
  });
  running.start();
  return running;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it('is started again at once after a kill, and runs within 3 s', async () => {
  const process_ = start();
  await vi.waitFor(() => expect(lines.length).toBe(1), 5000);
  const first = process_.pid ?? 0;
  process.kill(first, 'SIGKILL');
  await vi.waitFor(() => expect(lines.length).toBe(2), 3000);
  expect(exits).toEqual([{ how: 'SIGKILL', waitMs: 0 }]);
  expect(process_.pid).not.toBe(first);
});

it('that ends again and again is started more and more slowly', async () => {
  start({ CRASH: '1' });
  await vi.waitFor(() => expect(exits.length).toBe(3), 10_000);
  expect(exits.map(({ how }) => how)).toEqual(['status 3', 'status 3', 'status 3']);
  expect(exits.map(({ waitMs }) => waitMs)).toEqual([0, 250, 500]);
});

it('is stopped politely and not started again; the log has all it said', async () => {
  const process_ = start();
  await vi.waitFor(() => expect(lines.length).toBe(1), 5000);
  await process_.stop(5000);
  expect(lines.at(-1)).toBe('ends politely');
  expect(readFileSync(join(folder, 'worker.log'), 'utf8')).toBe(`${lines.join('\n')}\n`);
  expect(exits).toEqual([]);
});

it('that does not stop, or is frozen, is killed', async () => {
  const process_ = start({ STUBBORN: '1' });
  await vi.waitFor(() => expect(lines.length).toBe(1), 5000);
  const pid = process_.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await process_.stop(300);
  expect(isAlive(pid)).toBe(false);
});

it.each([{ STUBBORN: '' }, { STUBBORN: '1' }])('ends when the supervisor is killed, %j', async (environment) => {
  const program = `
    import { ManagedProcess } from '${new URL('./managed-process.ts', import.meta.url).href}';
    const options = { name: 'worker', folder: ${JSON.stringify(worker)}, logFile: ${JSON.stringify(join(folder, 'log'))} };
    const environment = { PATH: process.env.PATH, STUBBORN: '${environment.STUBBORN}' };
    const started = new ManagedProcess({ ...options, environment, onStart() {}, onExit() {}, onLines: () => process.send(started.pid) });
    started.start();`;
  const supervisor = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [pid] = (await once(supervisor, 'message')) as [number];
  supervisor.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
});
