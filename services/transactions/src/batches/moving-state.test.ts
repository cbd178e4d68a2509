import { describe, expect, test } from 'vitest';
import { activeHold, commandOn, ledgerOf, lockedAccount, movement, reversible, uuid } from '../testing/rules.ts';
import type { TransferEffect } from '../transfers/transfer-rules.ts';
import { MovingState } from './moving-state.ts';

const [a, b, none] = [uuid(11), uuid(12), uuid(13)];
const [hold, original] = [activeHold(uuid(21), a, 100n), reversible(uuid(31), a, b)];
const limits = [{ accountId: a, perTransaction: null, daily: 9n, monthly: 9n, uses: new Map([['2026-11', 4n]]) }];

function states() {
  const ledger = ledgerOf([lockedAccount(a), lockedAccount(b)], { holds: [hold], limits, reversed: [original] });
  const names = { holds: [hold.id], limitsOf: [a, b], reversalsOf: [original.id], payments: [uuid(41)] };
  const below = ledger.stateFor(commandOn([a, b, none], names));
  return { below, moving: new MovingState(below) };
}
const effect = (parts: Partial<TransferEffect>) =>
  ({ transactions: [], holds: [], limitUses: [], rows: [], events: [], ...parts }) as Omit<
    TransferEffect,
    'view'
  > as TransferEffect;

describe('a moving state', () => {
  test('shows what is below it until something moves', () => {
    const { below, moving } = states();
    expect([moving.now, moving.account(a), moving.account(none)]).toEqual([below.now, below.account(a), undefined]);
    expect([moving.limits(a), moving.limits(b)]).toEqual([below.limits(a), undefined]);
    expect([moving.hold(hold.id), moving.reversed(original.id), moving.payment(uuid(41))]).toEqual([
      hold,
      original,
      undefined,
    ]);
    expect(() => moving.payment(uuid(42))).toThrow('did not name');
  });

  test('moves accounts, holds and limits on, and leaves the state below', () => {
    const { below, moving } = states();
    const uses = [
      { account: a, amount: 3n },
      { account: b, amount: 3n },
    ];
    const transactions = [movement(below, a, b, 10n)];
    moving.take(effect({ transactions, holds: [activeHold(uuid(22), a, 5n)], limitUses: uses }));
    expect(moving.account(a)).toMatchObject({ posted: 990n, held: 5n, version: 4n });
    expect(moving.account(b)).toMatchObject({ posted: 1010n, version: 4n });
    expect(moving.limits(a)).toMatchObject({ daily: 9n, usedToday: 3n, usedThisMonth: 7n });
    expect(moving.limits(b)).toBeUndefined();
    expect([below.account(a)?.posted, below.limits(a)?.usedToday]).toEqual([1000n, 0n]);
  });

  test('asks the state below for each account once', () => {
    const { below } = states();
    const asked: string[] = [];
    const counting = {
      ...below,
      account: (id: string) => {
        asked.push(id);
        return below.account(id);
      },
    };
    const moving = new MovingState(counting);
    for (const id of [a, a, none, none]) moving.account(id);
    expect(asked).toEqual([a, none]);
  });

  test('takes no notice of accounts that are not there', () => {
    const { below, moving } = states();
    const [entry] = movement(below, a, b, 10n).entries;
    const strange = { ...movement(below, a, b, 10n), entries: entry ? [{ ...entry, account: none }] : [] };
    moving.take(effect({ transactions: [strange], holds: [activeHold(uuid(22), none, 5n)] }));
    expect(moving.account(none)).toBeUndefined();
  });
});
