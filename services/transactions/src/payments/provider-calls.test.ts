import { describe, expect, test } from 'vitest';
import { guardProvider } from './provider-calls.ts';
import type { PaymentProvider, Submission } from './providers/provider.ts';

const instrument = { type: 'card', token: 'tok_ok' };
const order = { type: 'deposit' as const, reference: 'txn_1', amount: 1n, currency: 'USD', instrument };

/** A provider whose submit is given, guarded, and how often it was really called. */
function guarded(submit: PaymentProvider['submit']) {
  const calls = { count: 0 };
  const provider: PaymentProvider = {
    submit: (given, signal) => {
      calls.count++;
      return submit(given, signal);
    },
    find: async () => undefined,
    readWebhook: () => ({ kind: 'forged' }),
  };
  return { calls, guard: guardProvider('test', provider) };
}

async function rejected(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('guardProvider', () => {
  test('a provider that does not answer is given up after two seconds', async () => {
    const { guard } = guarded(
      (_order, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    const startedAt = Date.now();
    expect(await rejected(() => guard.submit(order))).toBeInstanceOf(Error);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_900);
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    guard.close();
  });

  test('a provider that is down is soon not called any more', async () => {
    const { calls, guard } = guarded(async () => {
      throw new Error('ECONNREFUSED');
    });
    for (let count = 0; count < 20; count++) await rejected(() => guard.submit(order));
    expect(calls.count).toBeLessThan(10);
    expect(guard.allowance(16)).toBe(0);
    guard.close();
  });

  test('refusals are answers: however many, the provider is still called', async () => {
    const refusal: Submission = { kind: 'refused', failure: { code: 'invalid_source', message: '-' } };
    const { calls, guard } = guarded(async () => refusal);
    for (let count = 0; count < 20; count++) expect(await guard.submit(order)).toEqual(refusal);
    expect(calls.count).toBe(20);
    expect(guard.allowance(16)).toBe(16);
    guard.close();
  });
});
