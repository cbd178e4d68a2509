import { describe, expect, test } from 'vitest';
import { isDone, retryDelayMs } from './callback.ts';

describe('webhook retries', () => {
  test('double from the base up to the maximum', () => {
    const policy = { baseMs: 1_000, maxMs: 60_000 };
    expect([1, 2, 3, 7, 30].map((attempts) => retryDelayMs(policy, attempts, 0))).toEqual([
      1_000, 2_000, 4_000, 60_000, 60_000,
    ]);
  });

  test('jitter takes a quarter off at most', () => {
    expect(retryDelayMs({ baseMs: 1_000, maxMs: 60_000 }, 1, 1)).toBe(750);
  });

  test.each([
    [{ status: 200 }, true],
    [{ status: 204 }, true],
    [{ status: 302 }, false],
    [{ status: 401 }, false],
    [{ status: 500 }, false],
    [{ error: 'ECONNREFUSED' }, false],
  ])('a real webhook answered %j is done: %j', (answer, done) => {
    expect(isDone({ forged: false }, answer)).toBe(done);
  });

  test.each([
    [{ status: 401 }, true],
    [{ status: 503 }, false],
    [{ error: 'ECONNREFUSED' }, false],
  ])('a forged webhook answered %j is done: %j', (answer, done) => {
    expect(isDone({ forged: true }, answer)).toBe(done);
  });
});
