import { describe, expect, test } from 'vitest';
import { activeHold, commandOn, ledgerOf, lockedAccount, movement, now, reversible, uuid } from '../testing/rules.ts';
import type { Command, LedgerState, PaymentState } from './command.ts';
import type { Hold } from './hold.ts';
import { type Effect, LedgerLawError, type WorkingLedger } from './working-ledger.ts';

const [a, b, holdId, originalId] = [uuid(11), uuid(12), uuid(21), uuid(31)];
const hold = activeHold(holdId, a, 600n);

/** Applies an effect that is made from the state; `names` beside both accounts. */
function apply(ledger: WorkingLedger, effect: (state: LedgerState) => Partial<Effect>, names: Partial<Command> = {}) {
  const command = commandOn([a, b], names);
  const state = ledger.stateFor(command);
  ledger.apply(command, { transactions: [], ...effect(state) }, state.now);
  return ledger.stateFor(command);
}

const two = () => [lockedAccount(a), lockedAccount(b, { posted: 0n, version: 0n })];

describe('a state', () => {
  test('shows what its command names, and throws for everything else', () => {
    const [limits, reversed] = [
      [{ accountId: a, perTransaction: 1n, daily: null, monthly: null, uses: new Map() }],
      [reversible(originalId, a, b)],
    ];
    const ledger = ledgerOf(two(), { holds: [hold], limits, reversed });
    const names = { holds: [holdId], limitsOf: [a, b, uuid(13)], reversalsOf: [originalId] };
    const state = ledger.stateFor(commandOn([a, uuid(13)], names));
    expect(state.account(a)?.posted).toBe(1000n);
    expect(state.account(uuid(13))).toBeUndefined();
    expect(state.hold(holdId)).toEqual(hold);
    expect([state.limits(a)?.perTransaction, state.limits(uuid(13))]).toEqual([1n, undefined]);
    expect(state.reversed(originalId)?.amount).toBe(250n);
    for (const look of [state.account, state.hold, state.limits, state.reversed, state.payment]) {
      expect(() => look(uuid(99))).toThrow(/^The command did not name/);
    }
    expect(() => state.account(b)).toThrow(LedgerLawError);
    // Its limits came with no lock: not to know of any must not mean that there is none.
    expect(() => state.limits(b)).toThrow(LedgerLawError);
  });

  test('is never before the last entry of any account it names', () => {
    const later = new Date(now.getTime() + 1);
    const ledger = ledgerOf([lockedAccount(a, { lastEntryAt: later }), lockedAccount(b, { lastEntryAt: new Date(0) })]);
    expect(ledger.stateFor(commandOn([a, b, uuid(13)])).now).toEqual(later);
    expect(ledger.stateFor(commandOn([b])).now).toEqual(now);
  });
});

describe('entries', () => {
  test('move accounts on, for the next command and for the batch', () => {
    const ledger = ledgerOf([...two(), lockedAccount(uuid(13))]);
    const state = apply(ledger, (before) => ({ transactions: [movement(before, a, b, 1000n)] }));
    expect(state.account(a)).toMatchObject({ posted: 0n, version: 4n, lastEntryAt: now });
    expect(ledger.changedAccounts().map(({ id, posted }) => [id, posted])).toEqual([
      [a, 0n],
      [b, 1000n],
    ]);
  });

  const wrong: [string, (state: LedgerState) => ReturnType<typeof movement>, string][] = [
    [
      'one entry',
      (state) => ({ ...movement(state, a, b, 5n), entries: movement(state, a, b, 5n).entries.slice(0, 1) }),
      'two entries',
    ],
    ['no entries', (state) => movement(state, a, b, 5n, { entries: [] }), 'two entries'],
    ['a fall below the floor', (state) => movement(state, a, b, 1001n), 'below its floor'],
    ['entries of nothing', (state) => movement(state, a, b, 0n), 'does not follow'],
  ];
  for (const [name, change] of [
    ['a gap', { version: 5n }],
    ['another balance', { balanceAfter: 996n }],
    ['another currency', { currency: 'EUR' }],
  ] as const) {
    wrong.push([
      name,
      (state) => {
        const right = movement(state, a, b, 5n);
        // Both sides in the other currency, so that they still sum to 0.
        const all = 'currency' in change ? change : {};
        return { ...right, entries: right.entries.map((entry, at) => ({ ...entry, ...(at === 0 ? change : all) })) };
      },
      'does not follow',
    ]);
  }
  test.each(wrong)('with %s break the law, and nothing is taken', (_, transaction, message) => {
    const ledger = ledgerOf(two());
    expect(() => apply(ledger, (state) => ({ transactions: [transaction(state)] }))).toThrow(message);
    expect(ledger.changedAccounts()).toEqual([]);
    expect(ledger.stateFor(commandOn([a])).account(a)?.posted).toBe(1000n);
  });

  test('must sum to 0 in each currency', () => {
    const ledger = ledgerOf(two());
    const unequal = (state: LedgerState) => {
      const [first, second] = [movement(state, a, b, 5n).entries[0], movement(state, a, b, 6n).entries[1]];
      return movement(state, a, b, 5n, { entries: first && second ? [first, second] : [] });
    };
    expect(() => apply(ledger, (state) => ({ transactions: [unequal(state)] }))).toThrow('sum to 1 USD');
    const mixed = (state: LedgerState) => {
      const right = movement(state, a, b, 5n);
      return {
        ...right,
        entries: right.entries.map((entry, at) => (at === 0 ? entry : { ...entry, currency: 'EUR' })),
      };
    };
    expect(() => apply(ledger, (state) => ({ transactions: [mixed(state)] }))).toThrow('sum to');
  });

  test('need their accounts locked', () => {
    const ledger = ledgerOf([lockedAccount(a)]);
    const whole = ledgerOf(two()).stateFor(commandOn([a, b]));
    expect(() => apply(ledger, () => ({ transactions: [movement(whole, a, b, 5n)] }))).toThrow(`${b} is not locked`);
  });

  test('may bring back an account that is below its floor, not push it further', () => {
    const below = () => ledgerOf([lockedAccount(a, { posted: -10n }), lockedAccount(b, { floor: null })]);
    const give = (ledger: WorkingLedger, from: string, to: string) =>
      apply(ledger, (state) => ({ transactions: [movement(state, from, to, 1n)] }));
    expect(give(below(), b, a).account(a)?.posted).toBe(-9n);
    expect(() => give(below(), a, b)).toThrow('below its floor');
    const even = below();
    apply(even, (state) => {
      const there = movement(state, a, b, 1n);
      const back = there.entries.map((entry) => {
        const amount = -entry.amount;
        return { ...entry, amount, balanceAfter: entry.balanceAfter + amount, version: entry.version + 1n };
      });
      return { transactions: [{ ...there, entries: [...there.entries, ...back] }] };
    });
    expect(even.changedAccounts().map(({ posted }) => posted)).toEqual([-10n, 1000n]);
  });
});

describe('holds', () => {
  test('count before entries: what is captured is there to leave', () => {
    const ledger = ledgerOf([lockedAccount(a, { held: 1000n, heldVersion: 1n }), ...two().slice(1)], {
      holds: [{ ...hold, amount: 1000n }],
    });
    const after: Hold = { ...hold, amount: 1000n, status: 'captured', capturedAmount: 1000n };
    const effect = (state: LedgerState) => ({ holds: [after], transactions: [movement(state, a, b, 1000n)] });
    const state = apply(ledger, effect, { holds: [holdId] });
    expect(state.account(a)).toMatchObject({ posted: 0n, held: 0n, heldVersion: 2n });
    expect([ledger.newHolds(), ledger.changedHolds()]).toEqual([[], [after]]);
    expect(state.hold(holdId)).toEqual(after);
  });

  test('that are new stay new for the batch when they change again', () => {
    const ledger = ledgerOf(two());
    apply(ledger, () => ({ holds: [hold] }));
    const voided: Hold = { ...hold, status: 'voided' };
    const state = apply(ledger, () => ({ holds: [voided] }));
    expect([ledger.newHolds(), ledger.changedHolds()]).toEqual([[voided], []]);
    expect(state.account(a)).toMatchObject({ held: 0n, heldVersion: 2n });
  });

  test('of one decision see those before them', () => {
    const state = apply(ledgerOf(two()), () => ({ holds: [hold, { ...hold, status: 'voided' }] }));
    expect(state.account(a)?.held).toBe(0n);
    const both = [hold, activeHold(uuid(22), a, 401n)];
    expect(() => apply(ledgerOf(two()), () => ({ holds: both }))).toThrow('below its floor');
  });

  test.each<[string, Hold, string]>([
    ['a law of its own is broken', { ...hold, amount: 0n }, 'keeps nothing back'],
    ['its account is not locked', { ...hold, accountId: uuid(13) }, 'is not locked'],
    ['there is less than it wants', { ...hold, amount: 1001n }, 'below its floor'],
  ])('are refused when %s', (_, broken, message) => {
    const ledger = ledgerOf(two());
    expect(() => apply(ledger, () => ({ holds: [broken] }))).toThrow(message);
    expect(ledger.newHolds()).toEqual([]);
  });

  test('never leave an account holding less than nothing; exactly nothing is well', () => {
    const end = (held: bigint) => () =>
      apply(ledgerOf([lockedAccount(a, { held })], { holds: [hold] }), () => ({
        holds: [{ ...hold, status: 'voided' }],
      }));
    expect(end(599n)).toThrow('less than nothing');
    expect(end(600n)().account(a)?.held).toBe(0n);
  });
});

describe('reversals', () => {
  const effect =
    (amount: bigint, of = originalId) =>
    (state: LedgerState) => ({
      transactions: [movement(state, a, b, amount, { reversalOf: of })],
    });
  const names = { reversalsOf: [originalId] };

  test('add up to the original at most, over commands and within one', () => {
    const ledger = ledgerOf(two(), { reversed: [reversible(originalId, b, a)] });
    expect(apply(ledger, effect(100n), names).reversed(originalId)?.reversedAmount).toBe(100n);
    expect(() => apply(ledger, effect(151n), names)).toThrow('More of');
    expect(apply(ledger, effect(150n), names).reversed(originalId)?.reversedAmount).toBe(250n);

    const twice = (state: LedgerState) => {
      const first = movement(state, a, b, 126n, { reversalOf: originalId });
      const second = first.entries.map((entry) => ({
        ...entry,
        balanceAfter: entry.balanceAfter + entry.amount,
        version: entry.version + 1n,
      }));
      return { transactions: [first, { ...first, entries: second }] };
    };
    expect(() => apply(ledgerOf(two(), { reversed: [reversible(originalId, b, a)] }), twice, names)).toThrow('More of');
  });

  test('of what is not named break the law', () => {
    expect(() => apply(ledgerOf(two()), effect(1n))).toThrow('is not named as one to reverse');
  });
});

describe('uses of limits', () => {
  const limits = [{ accountId: a, perTransaction: null, daily: 10n, monthly: null, uses: new Map([['2026-11', 5n]]) }];
  const use =
    (...amounts: bigint[]) =>
    () => ({ limitUses: amounts.map((amount) => ({ account: a, amount })) });

  test('count for the day and the month, for the next command and for the batch', () => {
    const ledger = ledgerOf(two(), { limits });
    const state = apply(ledger, use(3n, 4n), { limitsOf: [a] });
    expect(state.limits(a)).toMatchObject({ usedToday: 7n, usedThisMonth: 12n });
    apply(ledger, use(1n), { limitsOf: [a] });
    expect(ledger.limitUses()).toEqual([
      { accountId: a, period: '2026-11', amount: 8n },
      { accountId: a, period: '2026-11-20', amount: 8n },
    ]);
  });

  test('of an account without limits are counted for the batch only', () => {
    const ledger = ledgerOf(two());
    expect(apply(ledger, use(3n), { limitsOf: [a] }).limits(a)).toBeUndefined();
    expect(ledger.limitUses().map(({ amount }) => amount)).toEqual([3n, 3n]);
  });

  test('need the account among the command’s accounts and limits', () => {
    expect(() => apply(ledgerOf(two()), use(3n))).toThrow('did not name the limits');
    expect(() => apply(ledgerOf(two()), use(3n), { limitsOf: [b] })).toThrow('did not name the limits');
    expect(() => apply(ledgerOf(two()), use(3n), { accounts: [b], limitsOf: [a] })).toThrow('did not name the limits');
  });
});

describe('payments', () => {
  const payment: PaymentState = {
    id: uuid(41),
    type: 'deposit',
    accountId: a,
    ownerId: uuid(1),
    amount: 5n,
    currency: 'USD',
    status: 'pending',
    provider: 'sandbox',
    providerReference: 'before',
    description: null,
    metadata: {},
    createdAt: now,
  };
  const change = (ledger: WorkingLedger, providerReference?: string) =>
    apply(
      ledger,
      () => ({ payments: [{ id: payment.id, status: 'posted', ...(providerReference && { providerReference }) }] }),
      { payments: [payment.id] },
    ).payment(payment.id);

  test('move on, and keep their reference unless there is a new one', () => {
    expect(change(ledgerOf(two(), { payments: [payment] }))).toEqual({ ...payment, status: 'posted' });
    expect(change(ledgerOf(two(), { payments: [payment] }), 'new')?.providerReference).toBe('new');
    expect(() => change(ledgerOf(two()))).toThrow('is not locked');
  });
});
