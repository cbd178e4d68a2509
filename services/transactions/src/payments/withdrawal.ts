import { MAX_MINOR_UNITS } from '@florin/money';
import { accountName } from '../accounts/public-id.ts';
import { systemAccountId } from '../accounts/system-accounts.ts';
import { requestRecord } from '../decisions/decision-record.ts';
import type { Decision, LedgerAccount, LedgerState, PaymentState, PostedTransaction } from '../engine/command.ts';
import { canGive, entriesFor } from '../engine/entries.ts';
import { type Hold, withHold } from '../engine/hold.ts';
import type { NewRow } from '../engine/insertable-tables.ts';
import { notFound, Refusal } from '../errors.ts';
import { holdEvent } from '../holds/hold-event.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { transactionView } from '../transactions/transaction-view.ts';
import { stepUpRequired } from '../transfers/step-up.ts';
import { refusedBy, type TransferRequest } from '../transfers/transfer.ts';
import { fundsRefusal, statusRefusal } from '../transfers/transfer-rules.ts';
import type { Instrument } from './providers/provider.ts';
import type { Settlement } from './settlement.ts';

/** A valid wish to pay money out. */
export interface Withdrawal {
  /** uuid of the payment, of the transaction that it becomes and of the hold that keeps its money until then. */
  readonly id: string;
  /** uuid of the account to debit. */
  readonly account: string;
  /** Minor units of `currency`, at least 1; may exceed what the database holds. */
  readonly amount: bigint;
  /** Whether the caller has to step up first; not unless said. */
  readonly needsStepUp?: boolean;
  readonly currency: string;
  readonly provider: string;
  readonly destination: Instrument;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Decides a withdrawal: its money is held at once and the payment written down, due to be brought to the provider. The
 * first rule that says no gives the answer: the caller has stepped up where he must (403) · the account is the caller's (404) · currency · status · funds · limits. It
 * counts towards the limits now, and stays counted should the provider fail.
 */
export function decideWithdrawal(state: LedgerState, withdrawal: Withdrawal, request: TransferRequest): Decision {
  try {
    if (withdrawal.needsStepUp) throw stepUpRequired();
    const account = checkedAccount(state, withdrawal, request.caller.userId);
    const limitUses = checkLimits(state, account, withdrawal.amount);
    const hold = newHold(state, withdrawal, request);
    return {
      outcome: 'applied',
      transactions: [],
      holds: [hold],
      limitUses,
      rows: [
        paymentRow(state, withdrawal, request),
        requestRecord({ transactionId: withdrawal.id, account, limits: state.limits(account.id) }),
      ],
      events: [holdEvent(hold, withHold(account, undefined, hold), request.context)],
      answer: { status: 202, body: JSON.stringify(pendingView(state, withdrawal, account)) },
    };
  } catch (error) {
    return refusedBy(error, request);
  }
}

/**
 * The parts of a decision with which a withdrawal's money leaves. A frozen account does not stop it: the money was set
 * aside before, and the provider has paid it out.
 */
export function settledWithdrawal(state: LedgerState, payment: PaymentState, settlement: Settlement) {
  const hold = heldFor(state, payment);
  const customer = known(state, payment.accountId);
  const captured: Hold = { ...hold, status: 'captured', capturedAmount: payment.amount, updatedAt: state.now };
  const freed = withHold(customer, hold, captured);
  const transaction = transactionOf(state, payment, settlement);
  return {
    transactions: [transaction],
    holds: [captured],
    events: [
      postedEvent(transaction, state, settlement.context, [freed]),
      holdEvent(captured, { ...freed, posted: freed.posted - payment.amount }, settlement.context),
    ],
  };
}

/** The parts of a decision with which a failed payment lets go of what it held: nothing for a deposit. */
export function releasedMoney(state: LedgerState, payment: PaymentState, trace: Settlement['context']) {
  if (payment.type === 'deposit') return { holds: [], events: [] };
  const hold = heldFor(state, payment);
  const voided: Hold = { ...hold, status: 'voided', updatedAt: state.now };
  const freed = withHold(known(state, payment.accountId), hold, voided);
  return { holds: [voided], events: [holdEvent(voided, freed, trace)] };
}

function checkedAccount(state: LedgerState, withdrawal: Withdrawal, userId: string): LedgerAccount {
  const { amount, currency } = withdrawal;
  const account = state.account(withdrawal.account);
  if (!account || account.ownerId !== userId) throw notFound('account');
  const name = `Account ${accountName(account)}`;
  if (account.currency !== currency) throw new Refusal('currency_mismatch', `${name} is kept in ${account.currency}.`);
  if (account.status !== 'active') throw statusRefusal(account, name);
  if (amount > MAX_MINOR_UNITS || !canGive(account, amount)) throw fundsRefusal(account, amount);
  return account;
}

function newHold(state: LedgerState, withdrawal: Withdrawal, { caller, traceId }: TransferRequest): Hold {
  const { id, account, amount, currency, description } = withdrawal;
  return {
    id,
    purpose: 'withdrawal',
    accountId: account,
    toAccountId: null,
    amount,
    capturedAmount: 0n,
    currency,
    status: 'active',
    description,
    initiatedBy: caller.id,
    traceId,
    expiresAt: null,
    createdAt: state.now,
    updatedAt: state.now,
  };
}

function paymentRow(state: LedgerState, withdrawal: Withdrawal, { caller, traceId }: TransferRequest): NewRow {
  const now = state.now.toISOString();
  const row = {
    id: withdrawal.id,
    type: 'withdrawal',
    account_id: withdrawal.account,
    owner_id: caller.userId,
    amount: withdrawal.amount.toString(),
    currency: withdrawal.currency,
    status: 'pending',
    provider: withdrawal.provider,
    source: withdrawal.destination,
    description: withdrawal.description,
    metadata: withdrawal.metadata,
    initiated_by: caller.id,
    trace_id: traceId,
    next_attempt_at: now,
    created_at: now,
    updated_at: now,
  };
  return { table: 'payments', row };
}

function pendingView(state: LedgerState, withdrawal: Withdrawal, account: LedgerAccount) {
  const { provider, currency } = withdrawal;
  const name = `external:${provider}`;
  return transactionView(
    {
      ...withdrawal,
      type: 'withdrawal',
      status: 'pending',
      from: account,
      to: { id: systemAccountId(name, currency), name, ownerId: null },
      entries: [],
      reversalOf: null,
      holdId: withdrawal.id,
      createdAt: state.now,
      postedAt: null,
      effectiveAt: null,
    },
    { ownerId: account.ownerId ?? '' },
  );
}

function transactionOf(state: LedgerState, payment: PaymentState, settlement: Settlement): PostedTransaction {
  const { id, type, accountId, amount, currency, description, metadata, createdAt } = payment;
  return {
    id,
    type,
    amount,
    currency,
    debitAccountId: accountId,
    creditAccountId: settlement.external,
    description,
    metadata,
    reversalOf: null,
    holdId: id,
    initiatedBy: settlement.initiatedBy,
    traceId: settlement.traceId,
    createdAt,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, [
      { account: accountId, amount: -amount },
      { account: settlement.external, amount },
    ]),
  };
}

function heldFor(state: LedgerState, payment: PaymentState): Hold {
  const hold = state.hold(payment.id);
  if (!hold) throw new Error(`Nothing is held for withdrawal ${payment.id}`);
  return hold;
}

function known(state: LedgerState, id: string): LedgerAccount {
  const account = state.account(id);
  if (!account) throw new Error(`Ledger account ${id} does not exist`);
  return account;
}
