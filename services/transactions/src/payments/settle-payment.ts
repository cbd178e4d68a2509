import { transactionFailed } from '@florin/contracts';
import { newEvent, serialize } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import type { Decision, LedgerAccount, LedgerState, PaymentState, PostedTransaction } from '../engine/command.ts';
import { canReceive, entriesFor } from '../engine/entries.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import type { PaymentFailure, PaymentReport } from './providers/provider.ts';
import { type Verdict, verdictOn } from './report-rules.ts';
import type { Settlement } from './settlement.ts';
import { releasedMoney, settledWithdrawal } from './withdrawal.ts';

/** What a report did: its verdict, or `suspend` for money that settled into the suspense account. */
export type Effect = Verdict | 'suspend';

/**
 * Decides what a report does to its payment and to the ledger. The payment is locked, so a report and its repeats, from
 * webhook and reconciliation alike, are decided one after the other and only the first one changes anything.
 *
 * A withdrawal's money leaves by its hold, or is free again when it failed.
 *
 * Money that has arrived is always booked: when the customer's account has been closed meanwhile, or cannot hold more,
 * it is credited to the bank's suspense account and the payment is posted all the same. Somebody then pays it back.
 * The answer is never sent anywhere as it is; its body is `{ "effect": … }`.
 */
export function decideReport(state: LedgerState, report: PaymentReport, settlement: Settlement): Decision {
  const payment = state.payment(settlement.paymentId);
  if (!payment) throw new Error(`Payment ${settlement.paymentId} does not exist`);
  const verdict = verdictOn(payment, report);
  if (verdict === 'settle') return settle(state, payment, report, settlement);
  if (verdict === 'fail' && report.outcome.kind === 'failed') {
    return fail(state, payment, report.outcome.failure, settlement.context, report.providerReference);
  }
  return { outcome: 'refused', answer: effect(verdict) };
}

/** Decides a payment's failure: no money moves. A payment that has ended stays as it is. */
export function decideFailure(
  state: LedgerState,
  paymentId: string,
  failure: PaymentFailure,
  trace: Context,
): Decision {
  const payment = state.payment(paymentId);
  if (!payment) throw new Error(`Payment ${paymentId} does not exist`);
  if (payment.status === 'pending') return fail(state, payment, failure, trace);
  return { outcome: 'refused', answer: effect(payment.status === 'failed' ? 'repeated' : 'contradiction') };
}

function effect(name: Effect): { status: number; body: string } {
  return { status: 200, body: JSON.stringify({ effect: name }) };
}

function settle(state: LedgerState, payment: PaymentState, report: PaymentReport, settlement: Settlement): Decision {
  const posted = { id: payment.id, status: 'posted' as const, providerReference: report.providerReference };
  if (payment.type === 'withdrawal') {
    const effects = settledWithdrawal(state, payment, settlement);
    return { outcome: 'applied', ...effects, payments: [posted], answer: effect('settle') };
  }
  const customer = state.account(settlement.customer);
  const takes = customer !== undefined && customer.status !== 'closed' && canReceive(customer, payment.amount);
  const credited = takes ? customer : known(state, settlement.suspense);
  const transaction = posting(state, payment, settlement, credited);
  return {
    outcome: 'applied',
    transactions: [transaction],
    payments: [posted],
    events: [postedEvent(transaction, state, settlement.context)],
    answer: effect(takes ? 'settle' : 'suspend'),
  };
}

function posting(
  state: LedgerState,
  payment: PaymentState,
  settlement: Settlement,
  credited: LedgerAccount,
): PostedTransaction {
  const { id, type, amount, currency, description, metadata, createdAt } = payment;
  return {
    id,
    type,
    amount,
    currency,
    debitAccountId: settlement.external,
    creditAccountId: credited.id,
    description,
    metadata,
    reversalOf: null,
    holdId: null,
    initiatedBy: settlement.initiatedBy,
    traceId: settlement.traceId,
    createdAt,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, [
      { account: settlement.external, amount: -amount },
      { account: credited.id, amount },
    ]),
  };
}

function fail(
  state: LedgerState,
  payment: PaymentState,
  failure: PaymentFailure,
  trace: Context,
  providerReference?: string,
): Decision {
  const id = formatId('txn', payment.id);
  const data = {
    transaction: {
      id,
      type: payment.type,
      amount: formatAmount(payment.amount, payment.currency),
      currency: payment.currency,
      account: formatId('acc', payment.accountId),
      owner: formatId('usr', payment.ownerId),
      createdAt: payment.createdAt.toISOString(),
    },
    failure,
  };
  const event = newEvent(transactionFailed, { source: 'florin/transactions', subject: id, trace, data });
  const { holds, events } = releasedMoney(state, payment, trace);
  return {
    outcome: 'applied',
    transactions: [],
    holds,
    payments: [
      { id: payment.id, status: 'failed', failure, ...(providerReference !== undefined && { providerReference }) },
    ],
    events: [serialize(event), ...events],
    answer: effect('fail'),
  };
}

function known(state: LedgerState, id: string): LedgerAccount {
  const account = state.account(id);
  if (!account) throw new Error(`Ledger account ${id} does not exist`);
  return account;
}
