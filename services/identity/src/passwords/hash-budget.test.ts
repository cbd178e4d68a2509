import { describe, expect, it } from 'vitest';
import { createHashBudget } from './hash-budget.ts';

/** Hashes that come as fast as the budget lets them for `seconds`; how many end in each second. */
function hashesPerSecond(seconds: number, limits: { cpuPercent: number; hashMs: (now: number) => number }): number[] {
  const budget = createHashBudget({ concurrency: 2, cpuPercent: limits.cpuPercent, burstMs: 1_000 });
  const ended = Array.from({ length: seconds }, () => 0);
  const free = [0, 0];
  for (;;) {
    const lane = (free[0] ?? 0) <= (free[1] ?? 0) ? 0 : 1;
    const workedMs = limits.hashMs(free[lane] ?? 0);
    const now = (free[lane] ?? 0) + workedMs;
    if (now >= seconds * 1000) return ended;
    ended[Math.floor(now / 1000)] = (ended[Math.floor(now / 1000)] ?? 0) + 1;
    free[lane] = now + budget.restAfter(workedMs, now);
  }
}

describe('hash budget', () => {
  it('lets a burst through at full speed, then keeps to the share', () => {
    const [first, ...later] = hashesPerSecond(10, { cpuPercent: 40, hashMs: () => 20 });
    expect(first).toBeGreaterThanOrEqual(60);
    expect(later.at(-1)).toBeGreaterThanOrEqual(19);
    expect(later.at(-1)).toBeLessThanOrEqual(21);
  });

  it('never rests where the share is all that the turns can use', () => {
    expect(hashesPerSecond(10, { cpuPercent: 200, hashMs: () => 20 }).slice(1)).toEqual(Array(9).fill(100));
  });

  it('does not rest longer because the machine is busy', () => {
    const busy = hashesPerSecond(20, { cpuPercent: 40, hashMs: (now) => (now > 5_000 ? 60 : 20) });
    expect(busy.at(-1)).toBeGreaterThanOrEqual(14);
  });

  it('fills up again while nobody logs in', () => {
    const budget = createHashBudget({ concurrency: 2, cpuPercent: 40, burstMs: 100 });
    for (let now = 0; now < 10; now += 1) budget.restAfter(20, now);
    expect(budget.restAfter(20, 10)).toBeGreaterThan(0);
    expect(budget.restAfter(20, 10_000)).toBe(0);
  });
});
