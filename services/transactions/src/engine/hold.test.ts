import { describe, expect, test } from 'vitest';
import { activeHold, lockedAccount, uuid } from '../testing/rules.ts';
import { brokenHoldLaw, type Hold, heldBy, withHold } from './hold.ts';

const [accountId, holdId] = [uuid(11), uuid(21)];
const account = lockedAccount(accountId, { held: 60n, heldVersion: 4n });
const hold = activeHold(holdId, accountId, 60n);
const captured: Hold = { ...hold, status: 'captured', capturedAmount: 20n };

test('only an active hold keeps money back', () => {
  expect(heldBy(undefined)).toBe(0n);
  expect(heldBy(hold)).toBe(60n);
  for (const status of ['captured', 'voided', 'expired'] as const) expect(heldBy({ ...hold, status })).toBe(0n);
});

describe('the account of a hold', () => {
  test('holds more for a new one, and all of it less for one that ends', () => {
    expect(withHold(account, undefined, hold)).toEqual({ ...account, held: 120n, heldVersion: 5n });
    expect(withHold(account, hold, captured)).toEqual({ ...account, held: 0n, heldVersion: 5n });
  });

  test('stays as it is when nothing is held more or less', () => {
    expect(withHold(account, hold, { ...hold, description: 'new' })).toBe(account);
  });
});

describe('the law of holds', () => {
  test.each<[string, Hold | undefined, Hold]>([
    ['a new one', undefined, hold],
    ['its capture, of all or a part', hold, captured],
    ['its capture of all', hold, { ...captured, capturedAmount: 60n }],
    ['its end', hold, { ...hold, status: 'voided' }],
  ])('lets %s be', (_, before, after) => {
    expect(brokenHoldLaw(before, after, account)).toBeUndefined();
  });

  const other = uuid(12);
  test.each<[string, Hold | undefined, Partial<Hold>, string]>([
    ['another account', undefined, { accountId: other }, 'does not fit its account'],
    ['another currency', undefined, { currency: 'EUR' }, 'does not fit its account'],
    ['an amount of nothing', undefined, { amount: 0n }, 'keeps nothing back'],
    ['less than nothing captured', undefined, { capturedAmount: -1n }, 'is captured beyond its amount'],
    [
      'more captured than held',
      undefined,
      { status: 'captured', capturedAmount: 61n },
      'is captured beyond its amount',
    ],
    ['nothing captured', undefined, { status: 'captured' }, 'is captured by name only'],
    ['something captured of an active one', undefined, { capturedAmount: 1n }, 'is captured by name only'],
    ['another amount than before', { ...hold, amount: 59n }, {}, 'is another than before'],
    ['another account than before', { ...hold, accountId: other }, {}, 'is another than before'],
    ['another currency than before', { ...hold, currency: 'EUR' }, {}, 'is another than before'],
    ['an end after the end', { ...hold, status: 'voided' }, { status: 'expired' }, 'is voided already'],
  ])('forbids %s', (_, before, changes, broken) => {
    expect(brokenHoldLaw(before, { ...hold, ...changes }, account)).toBe(broken);
  });
});
