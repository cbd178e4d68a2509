import { MAX_MINOR_UNITS } from '@florin/money';
import { describe, expect, test } from 'vitest';
import { isLimited, type Limits, limitValues, readLimits } from './limits.ts';

const none: Limits = { perTransaction: null, daily: null, monthly: null };

describe('limits that are told', () => {
  test('are read in the currency of the account', () => {
    expect(readLimits({ perTransaction: '1.50', daily: null, monthly: '20' }, 'USD')).toEqual({
      perTransaction: 150n,
      daily: null,
      monthly: 2000n,
    });
  });

  test.each<[string, string]>([
    ['1.001', 'USD'],
    ['0', 'USD'],
    ['92233720368547758.08', 'USD'],
    ['922337203685.47758080', 'HBAR'],
  ])('%s %s is refused, naming its place', (text, currency) => {
    const told = { perTransaction: null, daily: text, monthly: null };
    const refusal = { code: 'validation_failed', errors: [{ pointer: '/limits/daily' }] };
    expect(() => readLimits(told, currency)).toThrow(expect.objectContaining({ code: refusal.code }));
    try {
      readLimits(told, currency);
    } catch (error) {
      expect(error).toMatchObject(refusal);
    }
  });

  test('may be as much as an account holds', () => {
    const told = { perTransaction: '92233720368.54775807', daily: null, monthly: null };
    expect(readLimits(told, 'HBAR').perTransaction).toBe(MAX_MINOR_UNITS);
  });
});

test('an account is limited by any limit', () => {
  expect([isLimited(undefined), isLimited(none)]).toEqual([false, false]);
  for (const name of ['perTransaction', 'daily', 'monthly'] as const)
    expect(isLimited({ ...none, [name]: 1n })).toBe(true);
});

test('limits become the columns of the account, or none where nothing is told', () => {
  expect(limitValues({ perTransaction: 1n, daily: null, monthly: 3n })).toEqual({
    limit_per_transaction: 1n,
    limit_daily: null,
    limit_monthly: 3n,
  });
  expect(limitValues(undefined)).toEqual({});
});
