import { describe, expect, test } from 'vitest';
import type { PaymentState } from '../engine/command.ts';
import type { PaymentReport } from './providers/provider.ts';
import { nextCallDelayMs, verdictOn } from './report-rules.ts';

const payment = (changes: Partial<PaymentState> = {}): PaymentState => ({
  id: '0192f0c0-0000-7000-8000-000000000001',
  type: 'deposit',
  accountId: '0192f0c0-0000-7000-8000-000000000002',
  ownerId: '0192f0c0-0000-7000-8000-000000000003',
  amount: 1250n,
  currency: 'USD',
  status: 'pending',
  provider: 'sandbox',
  providerReference: 'ch_1',
  description: null,
  metadata: {},
  createdAt: new Date('2026-11-20T12:00:00Z'),
  ...changes,
});

const failure = { code: 'card_declined', message: 'Declined.' };

const report = (kind: 'pending' | 'succeeded' | 'failed', changes: Partial<PaymentReport> = {}): PaymentReport => ({
  reference: 'txn_1',
  providerReference: 'ch_1',
  amount: 1250n,
  currency: 'USD',
  outcome: kind === 'failed' ? { kind, failure } : { kind },
  ...changes,
});

describe('verdictOn', () => {
  test.each([
    ['pending', 'succeeded', 'settle'],
    ['pending', 'failed', 'fail'],
    ['pending', 'pending', 'waiting'],
    ['posted', 'succeeded', 'repeated'],
    ['posted', 'failed', 'contradiction'],
    ['posted', 'pending', 'repeated'],
    ['failed', 'failed', 'repeated'],
    ['failed', 'succeeded', 'contradiction'],
    ['failed', 'pending', 'repeated'],
  ] as const)('a %s payment reported as %s: %s', (status, kind, verdict) => {
    expect(verdictOn(payment({ status }), report(kind))).toBe(verdict);
  });

  test.each([
    ['amount', { amount: 1251n }],
    ['currency', { currency: 'EUR' }],
    ['charge', { providerReference: 'ch_2' }],
  ])('another %s than ours is a mismatch, whatever the payment has become', (_name, changes) => {
    for (const status of ['pending', 'posted', 'failed'] as const)
      for (const kind of ['pending', 'succeeded', 'failed'] as const)
        expect(verdictOn(payment({ status }), report(kind, changes))).toBe('mismatch');
  });

  test('a webhook that overtakes the answer to our call brings the charge with it', () => {
    expect(verdictOn(payment({ providerReference: null }), report('succeeded'))).toBe('settle');
  });
});

describe('nextCallDelayMs', () => {
  test('doubles up to the maximum; jitter takes a quarter off at most', () => {
    expect([1, 2, 3, 6, 40].map((attempts) => nextCallDelayMs(1_000, 30_000, attempts, 0))).toEqual([
      1_000, 2_000, 4_000, 30_000, 30_000,
    ]);
    expect(nextCallDelayMs(1_000, 30_000, 1, 1)).toBe(750);
  });

  test('never goes below a base above the maximum', () => {
    expect(nextCallDelayMs(60_000, 30_000, 3, 0)).toBe(60_000);
  });
});
