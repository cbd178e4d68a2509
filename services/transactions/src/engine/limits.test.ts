import { describe, expect, test } from 'vitest';
import { limitsAt, periodsAround, periodsOf } from './limits.ts';

describe('periods of limits', () => {
  test('are the UTC day and month', () => {
    expect(periodsOf(new Date('2026-11-30T23:59:59.999Z'))).toEqual({ day: '2026-11-30', month: '2026-11' });
  });

  test('around an instant are those of the next day too, each once', () => {
    expect(periodsAround(new Date('2026-11-20T12:00:00Z'))).toEqual(['2026-11-20', '2026-11', '2026-11-21']);
    expect(periodsAround(new Date('2026-11-30T00:00:00Z'))).toEqual(['2026-11-30', '2026-11', '2026-12-01', '2026-12']);
  });
});

test('limits at an instant count what is used of its day and month, and nothing where nothing is', () => {
  const limits = { perTransaction: 5n, daily: null, monthly: 100n };
  const uses = new Map([
    ['2026-11-20', 7n],
    ['2026-11', 9n],
  ]);
  const read = { accountId: 'any', ...limits, uses };
  expect(limitsAt(read, new Date('2026-11-20T12:00:00Z'))).toEqual({ ...limits, usedToday: 7n, usedThisMonth: 9n });
  expect(limitsAt(read, new Date('2026-11-21T12:00:00Z'))).toEqual({ ...limits, usedToday: 0n, usedThisMonth: 9n });
  expect(limitsAt(read, new Date('2026-12-01T00:00:00Z'))).toEqual({ ...limits, usedToday: 0n, usedThisMonth: 0n });
});
