import type { Role, UserPrincipal } from '@florin/auth';
import { MAX_MINOR_UNITS } from '@florin/money';
import { formatId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import type { Decision, ReversedTransaction, TransactionType } from '../engine/command.ts';
import type { LockedAccount } from '../engine/working-ledger.ts';
import { amountOf } from '../errors.ts';
import { commandOn, ledgerOf, lockedAccount, now, reversible, uuid } from '../testing/rules.ts';
import { decideReversal } from './reversal.ts';

const [alice, bob, stranger] = [uuid(1), uuid(2), uuid(3)];
const [payerId, payeeId, originalId] = [uuid(11), uuid(12), uuid(31)];
const caller = (userId: string, roles: Role[] = ['customer']): UserPrincipal => {
  return { kind: 'user', id: formatId('usr', userId), userId, sessionId: 'ses_1', roles, scopes: [] };
};
const operator = caller(stranger, ['operator']);
const payer = (changes: Partial<LockedAccount> = {}) => lockedAccount(payerId, { posted: 0n, ...changes });
const payee = (changes: Partial<LockedAccount> = {}) =>
  lockedAccount(payeeId, { ownerId: bob, posted: 250n, ...changes });
const original = (changes: Partial<ReversedTransaction> = {}) => reversible(originalId, payerId, payeeId, changes);

interface Case {
  accounts?: readonly LockedAccount[];
  original?: ReversedTransaction | undefined;
  by?: UserPrincipal;
  amount?: string;
}

/** Decides a reversal and lets the engine's laws look at what comes out. */
function reverse(given: Case = {}) {
  const { accounts = [payer(), payee()], by = caller(bob), amount } = given;
  const transaction = 'original' in given ? given.original : original();
  const ledger = ledgerOf(accounts, { reversed: transaction ? [transaction] : [] });
  const command = commandOn([payerId, payeeId], { reversalsOf: [originalId] });
  const read = (text: string, currency: string) => amountOf({ amount: text, currency });
  const wish = { id: uuid(100), of: originalId, amount, read, reason: 'broken' };
  const request = { caller: by, path: '/v1/transactions', traceId: 'trace', context: ROOT_CONTEXT };
  const decision = decideReversal(ledger.stateFor(command), wish, request);
  if (decision.outcome === 'applied') ledger.apply(command, decision, now);
  return { decision, after: ledger.stateFor(command) };
}

function codeOf(decision: Decision): string {
  if (decision.outcome === 'applied') return 'applied';
  if ('error' in decision) return String((decision.error as { code?: string }).code);
  return JSON.parse(decision.answer.body).code;
}

describe('a reversal that nothing speaks against', () => {
  test('gives back all that is left, as a transaction of its own', () => {
    const { decision, after } = reverse({ original: original({ reversedAmount: 50n }) });
    expect(after.account(payerId)?.posted).toBe(200n);
    expect(after.account(payeeId)?.posted).toBe(50n);
    expect(after.reversed(originalId)?.reversedAmount).toBe(250n);
    expect(decision).toMatchObject({ outcome: 'applied', answer: { status: 201 } });
    const [transaction] = decision.outcome === 'applied' ? decision.transactions : [];
    expect(transaction).toMatchObject({
      type: 'reversal',
      reversalOf: originalId,
      debitAccountId: payeeId,
      creditAccountId: payerId,
      description: 'broken',
    });
    const [event] = decision.outcome === 'applied' ? decision.events : [];
    expect(event?.type).toBe('transactions.transaction.posted.v1');
  });

  test.each<[string, Case, bigint]>([
    ['of a part', { amount: '1.00' }, 100n],
    ['of exactly what is left', { amount: '2.50' }, 250n],
    ['by an operator', { by: operator }, 250n],
    ['to a frozen account', { accounts: [payer({ status: 'frozen' }), payee()] }, 250n],
    ['up to the largest balance', { accounts: [payer({ posted: MAX_MINOR_UNITS - 250n }), payee()] }, MAX_MINOR_UNITS],
  ])('may be %s', (_, given, posted) => {
    const { decision, after } = reverse(given);
    expect(codeOf(decision)).toBe('applied');
    expect(after.account(payerId)?.posted).toBe(posted);
  });

  test.each<[string, UserPrincipal, number]>([
    ['who gives back its own balance only', caller(bob), 1],
    ['staff both balances', operator, 2],
  ])('shows %s', (_, by, seen) => {
    const { decision } = reverse({ by });
    const { entries } = 'answer' in decision ? JSON.parse(decision.answer.body) : { entries: [] };
    expect(entries.filter((entry: { balanceAfter?: string }) => entry.balanceAfter !== undefined)).toHaveLength(seen);
  });
});

describe('a reversal is refused', () => {
  test.each<[string, string, Case]>([
    ['not_found', 'there is no such transaction', { original: undefined }],
    ['not_found', 'there is none, for an operator too', { original: undefined, by: operator }],
    ['not_found', 'the caller is no side of it', { by: caller(stranger) }],
    ['not_found', 'the payer’s account is not there', { accounts: [payee()] }],
    ['not_found', 'the payee’s account is not there', { accounts: [payer()], by: operator }],
    ['forbidden', 'who paid asks for it', { by: caller(alice) }],
    ['validation_failed', 'the amount is none', { amount: '1.001' }],
    ['already_reversed', 'nothing is left', { original: original({ reversedAmount: 250n }) }],
    ['already_reversed', 'less is left', { original: original({ reversedAmount: 150n }), amount: '1.01' }],
    ['account_frozen', 'the payee is frozen', { accounts: [payer(), payee({ status: 'frozen' })] }],
    ['account_closed', 'the payer is closed', { accounts: [payer({ status: 'closed' }), payee()] }],
    ['insufficient_funds', 'the payee has spent it', { accounts: [payer(), payee({ posted: 249n })] }],
    [
      'limit_exceeded',
      'the payer could not hold it',
      { accounts: [payer({ posted: MAX_MINOR_UNITS - 249n }), payee()] },
    ],
  ])('%s when %s', (code, _, given) => {
    const { decision } = reverse(given);
    expect([decision.outcome, codeOf(decision)]).toEqual(['refused', code]);
  });

  const others: TransactionType[] = ['deposit', 'withdrawal', 'reversal', 'conversion', 'fee', 'interest'];
  test.each(others)('not_reversible when it is a %s', (type) => {
    expect(codeOf(reverse({ original: original({ type }) }).decision)).toBe('not_reversible');
  });

  test('telling how much is left', () => {
    const { decision } = reverse({ original: original({ reversedAmount: 150n }), amount: '1.01' });
    const detail = 'answer' in decision ? JSON.parse(decision.answer.body).detail : '';
    expect(detail).toBe(`1.00 USD of transaction ${formatId('txn', originalId)} is left to reverse.`);
  });
});
