import { transactionFailed, transactionPosted } from '@florin/contracts';
import { MAX_MINOR_UNITS } from '@florin/money';
import { formatId } from '@florin/service';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import type { Decision, PaymentState } from '../engine/command.ts';
import { type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';
import type { PaymentReport } from './providers/provider.ts';
import { decideFailure, decideReport } from './settle-payment.ts';

const uuid = (last: number) => `0192f0c0-0000-7000-8000-${String(last).padStart(12, '0')}`;
const [paymentId, customerId, externalId, suspenseId, ownerId] = [1, 2, 3, 4, 5].map(uuid) as [
  string,
  string,
  string,
  string,
  string,
];
const now = new Date('2026-11-20T12:00:05.000Z');

const account = (id: string, changes: Partial<LockedAccount> = {}): LockedAccount => ({
  id,
  ownerId: null,
  name: null,
  accountNumber: null,
  currency: 'USD',
  status: 'active',
  posted: 0n,
  held: 0n,
  heldVersion: 0n,
  version: 0n,
  floor: null,
  lastEntryAt: null,
  ...changes,
});

const payment: PaymentState = {
  id: paymentId,
  type: 'deposit',
  accountId: customerId,
  ownerId,
  amount: 1250n,
  currency: 'USD',
  status: 'pending',
  provider: 'sandbox',
  providerReference: null,
  description: 'salary',
  metadata: { month: '11' },
  createdAt: new Date('2026-11-20T12:00:00.000Z'),
};

const report = (outcome: PaymentReport['outcome']): PaymentReport => ({
  reference: formatId('txn', paymentId),
  providerReference: 'ch_1',
  amount: 1250n,
  currency: 'USD',
  outcome,
});

const succeeded = report({ kind: 'succeeded' });
const declined = { code: 'card_declined', message: 'Declined.' };

const settlement = {
  paymentId,
  external: externalId,
  customer: customerId,
  suspense: suspenseId,
  initiatedBy: formatId('usr', ownerId),
  traceId: null,
  context: ROOT_CONTEXT,
};

/** A locked ledger in which decisions take effect one after the other, as in the engine. */
function ledgerWith(changes: { customer?: Partial<LockedAccount>; payment?: Partial<PaymentState> } = {}) {
  const ledger = new WorkingLedger(
    [
      account(externalId, { name: 'external:sandbox' }),
      account(customerId, { ownerId, floor: 0n, accountNumber: 'GB82WEST12345698765432', ...changes.customer }),
      account(suspenseId, { name: 'suspense' }),
    ],
    [{ ...payment, ...changes.payment }],
    () => now,
  );
  const command = {
    id: paymentId,
    kind: 'deposit_settlement',
    accounts: [externalId, customerId, suspenseId],
    payments: [paymentId],
    context: ROOT_CONTEXT,
    decide: (): Decision => {
      throw new Error('not called');
    },
  };
  return (decide: (state: ReturnType<WorkingLedger['stateFor']>) => Decision): Decision => {
    const decision = decide(ledger.stateFor(command));
    if (decision.outcome === 'applied') ledger.apply(command, decision, now);
    return decision;
  };
}

function applied(decision: Decision) {
  if (decision.outcome !== 'applied') throw new Error(`the decision was ${JSON.stringify(decision)}`);
  return decision;
}

const effectOf = (decision: Decision) => ('answer' in decision ? JSON.parse(decision.answer.body).effect : undefined);

describe('decideReport', () => {
  test('success moves the money from the provider to the customer and posts the payment', () => {
    const decision = applied(ledgerWith()((state) => decideReport(state, succeeded, settlement)));
    expect(decision.transactions).toEqual([
      expect.objectContaining({
        id: paymentId,
        type: 'deposit',
        amount: 1250n,
        debitAccountId: externalId,
        creditAccountId: customerId,
        description: 'salary',
        metadata: { month: '11' },
        createdAt: payment.createdAt,
        postedAt: now,
        entries: [
          { account: externalId, amount: -1250n, currency: 'USD', balanceAfter: -1250n, version: 1n },
          { account: customerId, amount: 1250n, currency: 'USD', balanceAfter: 1250n, version: 1n },
        ],
      }),
    ]);
    expect(decision.payments).toEqual([{ id: paymentId, status: 'posted', providerReference: 'ch_1' }]);
    const [event, ...others] = decision.events.map(({ text }) => JSON.parse(text));
    expect(others).toEqual([]);
    expect(transactionPosted.parse(event.data).transaction).toMatchObject({
      id: formatId('txn', paymentId),
      from: 'external:sandbox',
      to: formatId('acc', customerId),
      amount: '12.50',
    });
  });

  test('a frozen account may still receive', () => {
    const decide = ledgerWith({ customer: { status: 'frozen' } });
    expect(effectOf(decide((state) => decideReport(state, succeeded, settlement)))).toBe('settle');
  });

  test.each([
    ['closed meanwhile', { status: 'closed' as const }],
    ['that cannot hold more', { posted: MAX_MINOR_UNITS - 1249n }],
  ])('money for an account %s goes to suspense, and the payment is posted', (_name, customer) => {
    const decision = applied(ledgerWith({ customer })((state) => decideReport(state, succeeded, settlement)));
    expect(effectOf(decision)).toBe('suspend');
    expect(decision.transactions[0]?.creditAccountId).toBe(suspenseId);
    expect(decision.payments).toEqual([{ id: paymentId, status: 'posted', providerReference: 'ch_1' }]);
  });

  test('a repeat changes nothing', () => {
    const decide = ledgerWith();
    decide((state) => decideReport(state, succeeded, settlement));
    const repeat = decide((state) => decideReport(state, succeeded, settlement));
    expect(repeat.outcome).toBe('refused');
    expect(effectOf(repeat)).toBe('repeated');
  });

  test('failure moves no money and tells why', () => {
    const decision = applied(
      ledgerWith()((state) => decideReport(state, report({ kind: 'failed', failure: declined }), settlement)),
    );
    expect(decision.transactions).toEqual([]);
    expect(decision.payments).toEqual([
      { id: paymentId, status: 'failed', failure: declined, providerReference: 'ch_1' },
    ]);
    const [event] = decision.events.map(({ text }) => JSON.parse(text));
    expect(transactionFailed.parse(event.data)).toMatchObject({
      transaction: { id: formatId('txn', paymentId), account: formatId('acc', customerId), amount: '12.50' },
      failure: declined,
    });
  });

  test('success after a failure posts nothing', () => {
    const decide = ledgerWith();
    decide((state) => decideFailure(state, paymentId, declined, ROOT_CONTEXT));
    const late = decide((state) => decideReport(state, succeeded, settlement));
    expect(late.outcome).toBe('refused');
    expect(effectOf(late)).toBe('contradiction');
  });

  test.each([
    ['amount', { amount: 125_000n }],
    ['currency', { currency: 'EUR' }],
  ])('another %s than ordered posts nothing', (_name, changes) => {
    const decision = ledgerWith()((state) => decideReport(state, { ...succeeded, ...changes }, settlement));
    expect(decision.outcome).toBe('refused');
    expect(effectOf(decision)).toBe('mismatch');
  });
});

describe('decideFailure', () => {
  test('a payment that has been posted meanwhile stays posted', () => {
    const decide = ledgerWith();
    decide((state) => decideReport(state, succeeded, settlement));
    const late = decide((state) => decideFailure(state, paymentId, declined, ROOT_CONTEXT));
    expect(late.outcome).toBe('refused');
    expect(effectOf(late)).toBe('contradiction');
  });
});
