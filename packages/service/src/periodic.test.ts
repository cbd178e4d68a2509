import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startPeriodic } from './periodic.ts';

it('goes on after a round that failed, and tells of it', async () => {
  const errors: unknown[] = [];
  let rounds = 0;
  const second = Promise.withResolvers<void>();
  const periodic = startPeriodic({
    everyMs: 5,
    work: async () => {
      rounds += 1;
      if (rounds === 1) throw new Error('once');
      second.resolve();
    },
    onError: (error) => errors.push(error),
  });
  await second.promise;
  await periodic.close();
  expect(errors).toEqual([new Error('once')]);
});

it('never runs twice at once, and waits for the round under way when closed', async () => {
  let [running, most, done] = [0, 0, 0];
  const first = Promise.withResolvers<void>();
  const periodic = startPeriodic({
    everyMs: 1,
    work: async () => {
      running += 1;
      most = Math.max(most, running);
      first.resolve();
      await sleep(20);
      running -= 1;
      done += 1;
    },
    onError: () => {},
  });
  await first.promise;
  await periodic.close();
  const rounds = done;
  expect([running, most]).toEqual([0, 1]);
  await sleep(10);
  expect(done).toBe(rounds);
});
