import { describe, expect, it } from 'vitest';
import { checkCurrency, decide, InvalidFieldError, ledgerStatus, readGoal } from './account.ts';

describe('decide', () => {
  it.each([
    ['freeze', 'pending', { do: 'refuse', code: 'account_not_active' }],
    ['freeze', 'active', { do: 'change', to: 'frozen' }],
    ['freeze', 'frozen', { do: 'repeat' }],
    ['freeze', 'closing', { do: 'settle' }],
    ['freeze', 'closed', { do: 'refuse', code: 'account_closed' }],
    ['unfreeze', 'pending', { do: 'refuse', code: 'account_not_active' }],
    ['unfreeze', 'active', { do: 'repeat' }],
    ['unfreeze', 'frozen', { do: 'change', to: 'active' }],
    ['unfreeze', 'closing', { do: 'settle' }],
    ['unfreeze', 'closed', { do: 'refuse', code: 'account_closed' }],
    ['close', 'pending', { do: 'refuse', code: 'account_not_active' }],
    ['close', 'active', { do: 'change', to: 'closing' }],
    ['close', 'frozen', { do: 'refuse', code: 'account_frozen' }],
    ['close', 'closing', { do: 'repeat' }],
    ['close', 'closed', { do: 'repeat' }],
    ['limit', 'pending', { do: 'change', to: 'pending' }],
    ['limit', 'active', { do: 'change', to: 'active' }],
    ['limit', 'frozen', { do: 'change', to: 'frozen' }],
    ['limit', 'closing', { do: 'settle' }],
    ['limit', 'closed', { do: 'refuse', code: 'account_closed' }],
  ] as const)('%s of an account that is %s', (action, status, decision) => {
    expect(decide(action, status)).toEqual(decision);
  });
});

it('the ledger has a closing account as closed and a pending one as active', () => {
  const all = (['pending', 'active', 'frozen', 'closing', 'closed'] as const).map(ledgerStatus);
  expect(all).toEqual(['active', 'active', 'frozen', 'closed', 'closed']);
});

describe('readGoal', () => {
  const account = { type: 'goal', currency: 'USD' } as const;
  const today = '2026-11-20';

  it('reads the amount in the currency of the account', () => {
    expect(readGoal({ amount: '12.5' }, account, today)).toEqual({ amount: 1250n, dueDate: null });
    expect(readGoal({ amount: '12', dueDate: today }, { type: 'goal', currency: 'JPY' }, today)).toEqual({
      amount: 12n,
      dueDate: today,
    });
  });

  it.each([
    ['/goal', { amount: '1' }, { type: 'savings', currency: 'USD' } as const],
    ['/goal/amount', { amount: '1.001' }, account],
    ['/goal/amount', { amount: '0.00' }, account],
    ['/goal/amount', { amount: '999999999999999' }, { type: 'goal', currency: 'HBAR' } as const],
    ['/goal/dueDate', { amount: '1', dueDate: '2026-11-19' }, account],
    ['/goal/dueDate', { amount: '1', dueDate: '2027-02-29' }, account],
    ['/goal/dueDate', { amount: '1', dueDate: '2027-13-01' }, account],
  ])('refuses %s in %j', (pointer, goal, of) => {
    expect(() => readGoal(goal, of, today)).toThrow(expect.objectContaining({ name: 'InvalidFieldError', pointer }));
  });
});

it('checkCurrency refuses what is no currency', () => {
  expect(() => checkCurrency('USD')).not.toThrow();
  expect(() => checkCurrency('XYZ')).toThrow(InvalidFieldError);
  expect(() => checkCurrency('constructor')).toThrow(InvalidFieldError);
});
