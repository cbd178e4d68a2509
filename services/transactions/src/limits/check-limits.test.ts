import { formatId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command, LedgerState } from '../engine/command.ts';
import { type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';
import { checkLimits } from './check-limits.ts';
import type { Limits } from './limits.ts';

const id = '0192f0c0-0000-7000-8000-000000000011';
const now = new Date('2026-11-20T12:00:00.000Z');
const account: LockedAccount = {
  id,
  ownerId: '0192f0c0-0000-7000-8000-000000000001',
  name: null,
  accountNumber: null,
  currency: 'USD',
  status: 'active',
  posted: 1_000_000n,
  held: 0n,
  heldVersion: 0n,
  version: 0n,
  floor: 0n,
  lastEntryAt: null,
};
const none: Limits = { perTransaction: null, daily: null, monthly: null };

function stateWith(limits: Limits | undefined, used: { day?: bigint; month?: bigint } = {}): LedgerState {
  const uses = new Map([
    ['2026-11-20', used.day ?? 0n],
    ['2026-11', used.month ?? used.day ?? 0n],
  ]);
  const read = limits ? [{ accountId: id, ...limits, uses }] : [];
  const ledger = new WorkingLedger([account], [], () => now, { limits: read });
  const decide: Command['decide'] = () => ({ outcome: 'refused', error: new Error('unused') });
  return ledger.stateFor({ id, kind: 'test', accounts: [id], limitsOf: [id], context: ROOT_CONTEXT, decide });
}

const refusal = (state: LedgerState, amount: bigint): unknown => {
  try {
    return checkLimits(state, account, amount);
  } catch (error) {
    return error;
  }
};

describe('limits', () => {
  test('an account without any is not counted', () => {
    expect(checkLimits(stateWith(undefined), account, 10n ** 15n)).toEqual([]);
  });

  test.each<[string, Limits, { day?: bigint; month?: bigint }]>([
    ['perTransaction', { ...none, perTransaction: 100n }, {}],
    ['daily', { ...none, daily: 300n }, { day: 200n }],
    ['monthly', { ...none, monthly: 900n }, { day: 0n, month: 800n }],
  ])('%s may be used up to the last cent and not beyond', (name, limits, used) => {
    const state = stateWith(limits, used);
    expect(checkLimits(state, account, 100n)).toEqual([{ account: id, amount: 100n }]);
    expect(refusal(state, 101n)).toMatchObject({ code: 'limit_exceeded', detail: expect.stringContaining(name) });
  });

  test('a refusal says the limit, what is used and what was asked', () => {
    const state = stateWith({ ...none, daily: 30_000n }, { day: 25_000n });
    expect(refusal(state, 10_000n)).toMatchObject({
      statusCode: 422,
      detail: `Account ${formatId('acc', id)} has a daily limit of 300.00 USD: 250.00 USD used, 100.00 USD asked.`,
    });
  });

  test('a refusal of one transaction says nothing of what is used', () => {
    const state = stateWith({ ...none, perTransaction: 30_000n }, { day: 25_000n });
    expect(refusal(state, 30_001n)).toMatchObject({
      detail: `Account ${formatId('acc', id)} has a perTransaction limit of 300.00 USD: 300.01 USD asked.`,
    });
  });

  test('what is allowed never adds up to more than a limit', () => {
    const limit = fc.option(fc.bigInt(1n, 500n));
    const all = fc.record({ perTransaction: limit, daily: limit, monthly: limit });
    fc.assert(
      fc.property(all, fc.array(fc.bigInt(1n, 200n)), (limits, amounts) => {
        let used = 0n;
        for (const amount of amounts) {
          const state = stateWith(limits, { day: used });
          if (refusal(state, amount) instanceof Error) continue;
          used += amount;
          if (limits.perTransaction !== null) expect(amount <= limits.perTransaction).toBe(true);
        }
        for (const most of [limits.daily, limits.monthly]) if (most !== null) expect(used <= most).toBe(true);
      }),
    );
  });
});
