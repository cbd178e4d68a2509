import type { Role, UserPrincipal } from '@florin/auth';
import { MAX_MINOR_UNITS } from '@florin/money';
import { formatId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import type { Decision, LedgerState } from '../engine/command.ts';
import type { Hold } from '../engine/hold.ts';
import type { LockedAccount } from '../engine/working-ledger.ts';
import { amountOf } from '../errors.ts';
import { activeHold, commandOn, ledgerOf, lockedAccount, now, uuid } from '../testing/rules.ts';
import { type Capture, decideCapture, decideExpiry, decideVoid } from './hold-end.ts';

const [alice, shop, stranger] = [uuid(1), uuid(2), uuid(3)];
const [accountId, tillId, otherId, holdId] = [uuid(11), uuid(12), uuid(13), uuid(21)];
const caller = (userId: string, roles: Role[] = ['customer']): UserPrincipal => {
  return { kind: 'user', id: formatId('usr', userId), userId, sessionId: 'ses_1', roles, scopes: [] };
};
const request = (by: UserPrincipal) => ({ caller: by, path: '/v1/holds', traceId: 'trace', context: ROOT_CONTEXT });
const operator = caller(stranger, ['operator']);

const hold = (changes: Partial<Hold> = {}) => activeHold(holdId, accountId, 600n, { toAccountId: tillId, ...changes });
const from = (changes: Partial<LockedAccount> = {}) => lockedAccount(accountId, { held: 600n, ...changes });
const till = (changes: Partial<LockedAccount> = {}) => lockedAccount(tillId, { ownerId: shop, posted: 0n, ...changes });

/** Decides on the accounts and the hold, and lets the engine's laws look at what comes out. */
function decideOn(
  accounts: readonly LockedAccount[],
  held: Hold | undefined,
  decide: (state: LedgerState) => Decision,
) {
  const limits = [{ accountId, perTransaction: 500n, daily: null, monthly: null, uses: new Map() }];
  const ledger = ledgerOf(accounts, { holds: held ? [held] : [], limits });
  const names = { holds: [holdId], limitsOf: [accountId] };
  const command = commandOn([accountId, tillId, otherId], names);
  const decision = decide(ledger.stateFor(command));
  if (decision.outcome === 'applied') ledger.apply(command, decision, now);
  return { decision, after: ledger.stateFor(command) };
}

interface Case {
  accounts?: readonly LockedAccount[];
  hold?: Hold | undefined;
  by?: UserPrincipal;
  capture?: Partial<Capture>;
}

function capture(given: Case = {}) {
  const { accounts = [from(), till()], by = caller(alice), capture: changes } = given;
  const read = (amount: string, currency: string) => amountOf({ amount, currency });
  const wish = { id: uuid(100), hold: holdId, amount: '4.00', to: undefined, read, ...changes };
  return decideOn(accounts, 'hold' in given ? given.hold : hold(), (state) => decideCapture(state, wish, request(by)));
}

function codeOf(decision: Decision): string {
  if (decision.outcome === 'applied') return 'applied';
  if ('error' in decision) return String((decision.error as { code?: string }).code);
  return JSON.parse(decision.answer.body).code;
}

describe('a capture that nothing speaks against', () => {
  test('takes the amount, releases the whole hold and counts for the limits', () => {
    const { decision, after } = capture();
    expect(decision).toMatchObject({
      outcome: 'applied',
      limitUses: [{ account: accountId, amount: 400n }],
      answer: { status: 200 },
    });
    expect(after.account(accountId)).toMatchObject({ posted: 600n, held: 0n });
    expect(after.account(tillId)?.posted).toBe(400n);
    expect(after.hold(holdId)).toEqual(hold({ status: 'captured', capturedAmount: 400n }));
    const transaction = decision.outcome === 'applied' ? decision.transactions[0] : undefined;
    expect(transaction).toMatchObject({
      id: uuid(100),
      type: 'transfer',
      holdId,
      debitAccountId: accountId,
      creditAccountId: tillId,
    });
  });

  test('says in its events what is held and posted after it', () => {
    const { decision } = capture();
    const events = decision.outcome === 'applied' ? decision.events.map(({ text }) => JSON.parse(text)) : [];
    expect(events.map(({ type }) => type)).toEqual([
      'transactions.transaction.posted.v1',
      'transactions.hold.captured.v1',
    ]);
    expect(events[0].data.entries[0]).toMatchObject({ balanceAfter: '6.00', heldAfter: '0.00' });
    expect(events[1].data).toMatchObject({ heldAfter: '0.00', availableAfter: '6.00' });
  });

  test.each<[string, Case, bigint]>([
    [
      'all of it where no amount is said',
      { hold: hold({ amount: 500n }), accounts: [from({ held: 500n }), till()], capture: { amount: undefined } },
      500n,
    ],
    ['by who is to get it', { by: caller(shop) }, 400n],
    ['by who is to get it, naming the destination', { by: caller(shop), capture: { to: tillId } }, 400n],
    ['by an operator', { by: operator }, 400n],
    ['to a frozen destination', { accounts: [from(), till({ status: 'frozen' })] }, 400n],
    ['before it is due', { hold: hold({ expiresAt: new Date(now.getTime() + 1) }) }, 400n],
  ])('is possible %s', (_, given, amount) => {
    const { decision, after } = capture(given);
    expect(codeOf(decision)).toBe('applied');
    expect(after.account(tillId)?.posted).toBe(amount);
  });

  test.each([
    ['the owner', caller(alice)],
    ['an operator', operator],
  ])('goes where %s says', (_, by) => {
    const other = lockedAccount(otherId, { ownerId: stranger, posted: 0n });
    const { after } = capture({ by, accounts: [from(), till(), other], capture: { to: otherId } });
    expect([after.account(otherId)?.posted, after.account(tillId)?.posted]).toEqual([400n, 0n]);
  });

  test.each<[string, UserPrincipal, number]>([
    ['the payer sees its own balance only', caller(alice), 1],
    ['staff see both', operator, 2],
  ])('is answered so that %s', (_, by, seen) => {
    const { decision } = capture({ by });
    const { entries } = 'answer' in decision ? JSON.parse(decision.answer.body) : { entries: [] };
    expect(entries.filter((entry: { balanceAfter?: string }) => entry.balanceAfter !== undefined)).toHaveLength(seen);
  });
});

describe('a capture is refused', () => {
  const other = lockedAccount(otherId, { ownerId: stranger });
  test.each<[string, string, Case]>([
    ['not_found', 'there is no such hold', { hold: undefined }],
    ['not_found', 'its account is not there', { accounts: [till()], by: operator }],
    ['not_found', 'the caller has nothing to do with it', { by: caller(stranger) }],
    [
      'not_found',
      'the caller has nothing to do with it and it names nobody',
      { by: caller(shop), hold: hold({ toAccountId: null }) },
    ],
    ['validation_failed', 'there is no destination', { hold: hold({ toAccountId: null }) }],
    [
      'validation_failed',
      'who is to get it sends it elsewhere',
      { by: caller(shop), accounts: [from(), till(), other], capture: { to: otherId } },
    ],
    ['validation_failed', 'the amount is none', { capture: { amount: '4.001' } }],
    ['hold_not_active', 'it stands for a payment', { hold: hold({ purpose: 'withdrawal' }) }],
    ['hold_not_active', 'it has ended', { hold: hold({ status: 'voided' }) }],
    ['hold_not_active', 'it is due this instant', { hold: hold({ expiresAt: now }) }],
    ['capture_exceeds_hold', 'more is wanted', { capture: { amount: '6.01' } }],
    ['same_account', 'it goes to the account itself', { capture: { to: accountId } }],
    ['account_not_found', 'the destination does not exist', { capture: { to: null } }],
    ['account_not_found', 'the destination is not in the ledger', { accounts: [from()] }],
    ['account_not_found', 'the destination is the bank’s', { accounts: [from(), till({ ownerId: null })] }],
    ['currency_mismatch', 'the destination has another currency', { accounts: [from(), till({ currency: 'EUR' })] }],
    ['account_closed', 'the destination is closed', { accounts: [from(), till({ status: 'closed' })] }],
    [
      'limit_exceeded',
      'the destination could not hold it',
      { accounts: [from(), till({ posted: MAX_MINOR_UNITS - 399n })] },
    ],
    ['account_frozen', 'the account is frozen', { accounts: [from({ status: 'frozen' }), till()] }],
    ['limit_exceeded', 'a limit forbids it', { capture: { amount: '5.01' } }],
  ])('%s when %s', (code, _, given) => {
    const { decision } = capture(given);
    expect([decision.outcome, codeOf(decision)]).toEqual(['refused', code]);
  });

  test('by the first rule in the documented order', () => {
    const accounts = [from({ status: 'frozen' }), till({ currency: 'EUR', status: 'closed' })];
    expect(codeOf(capture({ accounts, capture: { amount: '6.01' } }).decision)).toBe('capture_exceeds_hold');
    expect(codeOf(capture({ accounts }).decision)).toBe('currency_mismatch');
    const closed = [from({ status: 'frozen' }), till({ status: 'closed' })];
    expect(codeOf(capture({ accounts: closed }).decision)).toBe('account_closed');
  });

  test('telling the amounts, or what the hold is', () => {
    const detail = (given: Case) => {
      const { decision } = capture(given);
      return 'answer' in decision ? JSON.parse(decision.answer.body).detail : '';
    };
    expect(detail({ capture: { amount: '6.01' } })).toContain('is over 6.00 USD; 6.01 USD asked for');
    expect(detail({ hold: hold({ status: 'voided' }) })).toMatch(/ is voided\.$/);
    expect(detail({ hold: hold({ purpose: 'approval' }) })).toContain('ends with the approval');
    expect(detail({ hold: hold({ expiresAt: now }) })).toMatch(/ is expired\.$/);
  });
});

describe('a capture of more than who asks may take alone', () => {
  const owner = caller(alice, ['operator']);
  test.each<[string, bigint, UserPrincipal, string]>([
    ['exactly so much', 400n, caller(alice), 'applied'],
    ['more', 399n, caller(alice), 'limit_exceeded'],
    ['more, as an operator without a part in it', 399n, operator, 'applied'],
    ['more, as an operator whose account it is', 399n, owner, 'limit_exceeded'],
    ['more, as an operator who gets it', 399n, caller(shop, ['operator']), 'limit_exceeded'],
  ])('%s: above %s', (_, freeUpTo, by, code) => {
    expect(codeOf(capture({ by, capture: { freeUpTo } }).decision)).toBe(code);
  });
});

describe('a void', () => {
  const decide = (by: UserPrincipal, held: Hold | undefined = hold()) =>
    decideOn([from(), till()], held, (state) => decideVoid(state, holdId, request(by)));

  test.each([caller(alice), caller(shop), operator])('releases the hold for whom it concerns', (by) => {
    const { decision, after } = decide(by);
    expect(decision).toMatchObject({ outcome: 'applied', transactions: [], answer: { status: 200 } });
    expect(after.account(accountId)).toMatchObject({ posted: 1000n, held: 0n });
    expect(after.hold(holdId)).toEqual(hold({ status: 'voided' }));
    const [event] = decision.outcome === 'applied' ? decision.events : [];
    expect(event?.type).toBe('transactions.hold.voided.v1');
    expect(JSON.parse('answer' in decision ? decision.answer.body : '{}')).toMatchObject({
      status: 'voided',
      amount: '6.00',
    });
  });

  test('is refused to others, and of what has ended', () => {
    expect(codeOf(decide(caller(stranger)).decision)).toBe('not_found');
    expect(codeOf(decide(caller(alice), hold({ status: 'expired' })).decision)).toBe('hold_not_active');
  });
});

describe('expiry', () => {
  const decide = (held: Hold | undefined, accounts: readonly LockedAccount[] = [from(), till()]) =>
    decideOn(accounts, held, (state) => decideExpiry(state, holdId, accountId, ROOT_CONTEXT));

  test.each([0, -1])('ends a hold that is due since %i ms', (milliseconds) => {
    const due = hold({ expiresAt: new Date(now.getTime() + milliseconds) });
    const { decision, after } = decide(due);
    expect(decision).toMatchObject({ outcome: 'applied', transactions: [], answer: { status: 200 } });
    expect(after.hold(holdId)).toEqual({ ...due, status: 'expired' });
    expect(after.account(accountId)?.held).toBe(0n);
    const [event] = decision.outcome === 'applied' ? decision.events : [];
    expect(event?.type).toBe('transactions.hold.expired.v1');
  });

  test.each<[string, Hold | undefined]>([
    ['is not there', undefined],
    ['is not due', hold({ expiresAt: new Date(now.getTime() + 1) })],
    ['never ends by itself', hold()],
    ['has ended before', hold({ status: 'captured', capturedAmount: 1n, expiresAt: now })],
  ])('leaves alone what %s', (_, held) => {
    const { decision, after } = decide(held);
    expect(decision).toEqual({ outcome: 'refused', answer: { status: 200, body: '{}' } });
    expect(after.hold(holdId)).toEqual(held);
  });

  test('leaves alone what has no account', () => {
    expect(decide(hold({ expiresAt: now }), []).decision.outcome).toBe('refused');
  });
});
