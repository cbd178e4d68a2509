import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { startWorkLoop, type WorkLoop } from './work-loop.ts';

const loops: WorkLoop[] = [];

/** A loop over an array that stands for the table, and what it has done so far. */
function loopOver(rows: number[], options: { concurrency?: number; pollMs?: number; workMs?: number } = {}) {
  const done: number[] = [];
  const errors: unknown[] = [];
  const seen = { running: 0, most: 0 };
  const loop = startWorkLoop<number>({
    claim: async (limit) => {
      await delay(1);
      return rows.splice(0, limit);
    },
    work: async (row) => {
      seen.running++;
      seen.most = Math.max(seen.most, seen.running);
      await delay(options.workMs ?? 2);
      seen.running--;
      if (row < 0) throw new Error(`row ${row}`);
      done.push(row);
    },
    onError: (error) => errors.push(error),
    concurrency: options.concurrency ?? 3,
    pollMs: options.pollMs ?? 60_000,
  });
  loops.push(loop);
  return { loop, done, errors, seen };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 2) {
    if (waited > 2_000) throw new Error('condition not met within 2 s');
    await delay(2);
  }
}

afterEach(async () => {
  await Promise.all(loops.splice(0).map((loop) => loop.close()));
});

describe('startWorkLoop', () => {
  test('drains many times its concurrency without polling, and never exceeds it', async () => {
    const { done, seen } = loopOver(Array.from({ length: 20 }, (_, index) => index));
    await until(() => done.length === 20);
    expect(seen.most).toBe(3);
  });

  test('wake() finds work long before the next poll', async () => {
    const rows: number[] = [];
    const { loop, done } = loopOver(rows);
    await delay(10);
    rows.push(1);
    loop.wake();
    await until(() => done.length === 1);
  });

  test('polling finds work that nobody announced', async () => {
    const rows: number[] = [];
    const { done } = loopOver(rows, { pollMs: 10 });
    await delay(5);
    rows.push(1);
    await until(() => done.length === 1);
  });

  test('an item that throws is reported and holds up no other', async () => {
    const { done, errors } = loopOver([-1, 2, 3, 4], { concurrency: 1 });
    await until(() => done.length === 3);
    expect(errors).toHaveLength(1);
  });

  test('close() waits for claimed items and claims no more', async () => {
    const rows = [1, 2, 3, 4, 5, 6];
    const { loop, done } = loopOver(rows, { workMs: 30 });
    await delay(10);
    await loop.close();
    expect(done).toHaveLength(3);
    expect(rows).toHaveLength(3);
  });
});
