import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from './lock.mjs';

let folder: string;
let lock: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'florin-lock-'));
  lock = join(folder, 'lock');
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that takes the lock and holds it for a while, noting when it begins and ends. */
function startHolder(holdMs: number): ChildProcess {
  const program = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from '${new URL('./lock.mjs', import.meta.url).href}';
    const note = (word) => appendFileSync('${join(folder, 'notes')}', word + ' ' + process.pid + '\\n');
    await withLock('${lock}', async () => {
      note('begin');
      process.send?.('held');
      await new Promise((resolve) => setTimeout(resolve, ${holdMs}));
      note('end');
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  return child;
}

it('lets one process in at a time', async () => {
  const holders = [1, 2, 3, 4].map(() => startHolder(60));
  await Promise.all(holders.map((holder) => once(holder, 'exit')));
  const notes = readFileSync(join(folder, 'notes'), 'utf8').trim().split('\n');
  expect(notes.length).toBe(8);
  for (let index = 0; index < notes.length; index += 2) {
    expect(notes[index + 1]).toBe(notes[index]?.replace('begin', 'end'));
  }
  expect(readdirSync(folder)).toEqual(['notes']);
});

it('of a process that was killed does not count', async () => {
  const holder = startHolder(60_000);
  await once(holder, 'message');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  expect(existsSync(lock)).toBe(true);
  await Promise.all([1, 2, 3].map(() => once(startHolder(20), 'exit')));
  expect(readFileSync(join(folder, 'notes'), 'utf8').match(/end/g)?.length).toBe(3);
  expect(readdirSync(folder)).toEqual(['notes']);
});

it('tells once whom it waits for', async () => {
  const holder = startHolder(500);
  await once(holder, 'message');
  const waitedFor: number[] = [];
  expect(
    await withLock(
      lock,
      async () => 'done',
      (pid) => waitedFor.push(pid),
    ),
  ).toBe('done');
  expect(waitedFor).toEqual([holder.pid]);
});

it('older than any installation does not count, though its process id is in use', async () => {
  writeFileSync(lock, String(process.ppid));
  utimesSync(lock, new Date(0), new Date(0));
  expect(await withLock(lock, async () => 'done')).toBe('done');
});

it('is given back when the work fails', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  expect(existsSync(lock)).toBe(false);
});
