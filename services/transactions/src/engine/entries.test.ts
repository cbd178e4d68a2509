import { MAX_MINOR_UNITS } from '@florin/money';
import { describe, expect, test } from 'vitest';
import { commandOn, ledgerOf, lockedAccount, uuid } from '../testing/rules.ts';
import { available, canGive, canReceive, entriesFor } from './entries.ts';

const [a, b] = [uuid(11), uuid(12)];

describe('an account', () => {
  test('can spend what is posted less what is held, down to its floor', () => {
    const account = lockedAccount(a, { posted: 1000n, held: 300n });
    expect(available(account)).toBe(700n);
    expect([canGive(account, 700n), canGive(account, 701n)]).toEqual([true, false]);
    const overdraft = { ...account, floor: -50n };
    expect([canGive(overdraft, 750n), canGive(overdraft, 751n)]).toEqual([true, false]);
    expect(canGive({ ...account, floor: null }, 10n ** 30n)).toBe(true);
  });

  test('can receive what still fits 64 bits', () => {
    const account = lockedAccount(a, { posted: MAX_MINOR_UNITS - 5n });
    expect([canReceive(account, 5n), canReceive(account, 6n)]).toEqual([true, false]);
  });
});

describe('entries', () => {
  const ledger = ledgerOf([lockedAccount(a), lockedAccount(b, { posted: 0n, version: 0n, currency: 'EUR' })]);
  const state = ledger.stateFor(commandOn([a, b, uuid(13)]));

  test('follow the last of their account and each other', () => {
    const postings = [
      { account: a, amount: -10n },
      { account: b, amount: 10n },
      { account: a, amount: -5n },
      { account: a, amount: 1n },
    ];
    expect(entriesFor(state, postings)).toEqual([
      { account: a, amount: -10n, currency: 'USD', balanceAfter: 990n, version: 4n },
      { account: b, amount: 10n, currency: 'EUR', balanceAfter: 10n, version: 1n },
      { account: a, amount: -5n, currency: 'USD', balanceAfter: 985n, version: 5n },
      { account: a, amount: 1n, currency: 'USD', balanceAfter: 986n, version: 6n },
    ]);
  });

  test('of an account that is not there are an error', () => {
    expect(() => entriesFor(state, [{ account: uuid(13), amount: 1n }])).toThrow('which does not exist');
  });
});
