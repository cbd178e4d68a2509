import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextAttemptAt, restMs, tryForMs } from './retry-schedule.ts';

const start = new Date('2026-11-29T12:00:00.000Z');

/** Seconds after the first attempt at which the others are made, when all fail. */
function attempts(random: () => number): number[] {
  const at = [start];
  for (;;) {
    const now = at.at(-1) ?? start;
    const next = nextAttemptAt({ tries: at.length, firstFailedAt: start, now }, random());
    if (next === undefined) return at.map((time) => (time.getTime() - start.getTime()) / 1_000);
    at.push(next);
  }
}

describe('a delivery that fails', () => {
  it('is tried for 72 hours, at pauses that double up to six hours, the last time at the very end', () => {
    expect(attempts(() => 0).map(Math.round)).toEqual([
      ...[0, 5, 15, 35, 75, 155, 315, 635, 1_275, 2_555, 5_115, 10_235, 20_475, 40_955],
      ...[62_555, 84_155, 105_755, 127_355, 148_955, 170_555, 192_155, 213_755, 235_355, 256_955, 72 * 3_600],
    ]);
  });

  it('whatever chance takes off, up to a quarter: always later, never beyond the end, which is reached', () => {
    const chance = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(chance, (stream) => {
        const at = attempts(() => stream.next().value);
        expect(at.at(-1)).toBe(tryForMs / 1_000);
        for (const [index, time] of at.entries()) expect(time).toBeGreaterThan(index === 0 ? -1 : (at[index - 1] ?? 0));
        expect(at[1]).toBeGreaterThanOrEqual(3.75);
        expect(at.length).toBeLessThan(34);
      }),
    );
  });

  it('that was not looked at for days is given up at once', () => {
    const now = new Date(start.getTime() + tryForMs);
    expect(nextAttemptAt({ tries: 3, firstFailedAt: start, now }, 0.5)).toBeUndefined();
  });
});

it('an endpoint that fails is left alone for longer and longer, five minutes at most', () => {
  expect([1, 2, 3, 8, 9, 10, 2_000].map((failures) => restMs(failures, 0))).toEqual([
    ...[1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000],
  ]);
  expect(restMs(1, 1)).toBe(750);
});
