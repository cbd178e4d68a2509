import { hasRole, type UserPrincipal } from '@florin/auth';
import { formatAmount } from '@florin/money';
import { formatId } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import { accountName } from '../accounts/public-id.ts';
import { postingRecord } from '../decisions/decision-record.ts';
import type { Decision, LedgerAccount, LedgerState, PostedTransaction } from '../engine/command.ts';
import { canReceive, entriesFor } from '../engine/entries.ts';
import { type Hold, withHold } from '../engine/hold.ts';
import { invalidField, notFound, Refusal } from '../errors.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { postedView, transactionView } from '../transactions/transaction-view.ts';
import { refusedBy } from '../transfers/transfer.ts';
import { statusRefusal } from '../transfers/transfer-rules.ts';
import { holdEvent } from './hold-event.ts';
import { holdView } from './hold-view.ts';

/** A wish to take held money. */
export interface Capture {
  /** uuid that the transaction will have. */
  readonly id: string;
  /** uuid */
  readonly hold: string;
  /** In the hold's currency; all of it where undefined. */
  readonly amount: string | undefined;
  /** Reads `amount`, minor units. @throws {ProblemError} validation_failed */
  readonly read: (amount: string, currency: string) => bigint;
  /** uuid; undefined: where the hold says; null: a destination that does not exist. */
  readonly to: string | undefined | null;
  /** What takes no operator, minor units: the approval threshold of transfers. Undefined where there is none. */
  readonly freeUpTo?: bigint | undefined;
}

/** On whose behalf, and how answers refer to the request. */
export interface HoldRequest {
  readonly caller: UserPrincipal;
  readonly path: string;
  readonly traceId: string;
  readonly context: Context;
}

/**
 * Decides a capture. The first rule that says no gives the answer: the hold exists and the caller has to do with it
 * (404) · a destination (400) · the hold is active and in time · the amount · the destination exists, another account,
 * same currency · the destination may receive · the account may give · what takes an operator · limits.
 */
export function decideCapture(state: LedgerState, capture: Capture, request: HoldRequest): Decision {
  try {
    const { hold, account } = checkedHold(state, capture.hold, request.caller);
    const toId = destinationOf(hold, account, capture, request.caller);
    assertActive(state, hold);
    const amount = capture.amount === undefined ? hold.amount : capture.read(capture.amount, hold.currency);
    assertCoverable(hold, amount);
    const to = checkedDestination(state, hold, toId, amount);
    if (account.status !== 'active') throw statusRefusal(account, `Account ${accountName(account)}`);
    assertPermitted(capture, amount, [account, to], request.caller);
    return captured(state, { hold, account, to, amount, id: capture.id }, request);
  } catch (error) {
    return refusedBy(error, request);
  }
}

/** Decides to give a hold up: 404 as for a capture, then hold_not_active. */
export function decideVoid(state: LedgerState, id: string, request: HoldRequest): Decision {
  try {
    const { hold, account } = checkedHold(state, id, request.caller);
    assertActive(state, hold);
    const voided = released(state, hold, 'voided');
    const event = holdEvent(voided, withHold(account, hold, voided), request.context);
    const answer = { status: 200, body: JSON.stringify(holdView(voided)) };
    return { outcome: 'applied', transactions: [], holds: [voided], events: [event], answer };
  } catch (error) {
    return refusedBy(error, request);
  }
}

/** Decides the end of a hold whose time is up. Whatever ended it before stays. The answer is sent to nobody. */
export function decideExpiry(state: LedgerState, id: string, accountId: string, trace: Context): Decision {
  const hold = state.hold(id);
  const account = state.account(accountId);
  if (!hold || !account || hold.status !== 'active' || !isDue(hold, state.now)) {
    return { outcome: 'refused', answer: { status: 200, body: '{}' } };
  }
  const expired = released(state, hold, 'expired');
  const event = holdEvent(expired, withHold(account, hold, expired), trace);
  return {
    outcome: 'applied',
    transactions: [],
    holds: [expired],
    events: [event],
    answer: { status: 200, body: '{}' },
  };
}

/** A hold in the state in which it keeps nothing back and nothing was taken. */
export function released(state: LedgerState, hold: Hold, status: 'voided' | 'expired'): Hold {
  return { ...hold, status, updatedAt: state.now };
}

function isDue(hold: Hold, now: Date): boolean {
  return hold.expiresAt !== null && now >= hold.expiresAt;
}

function checkedHold(state: LedgerState, id: string, caller: UserPrincipal): { hold: Hold; account: LedgerAccount } {
  const hold = state.hold(id);
  const account = hold && state.account(hold.accountId);
  const to = hold?.toAccountId ? state.account(hold.toAccountId) : undefined;
  const concerned = account?.ownerId === caller.userId || to?.ownerId === caller.userId;
  if (!hold || !account || !(concerned || hasRole(caller, 'operator'))) throw notFound('hold');
  return { hold, account };
}

/** Only whose money it is, or an operator, may send it elsewhere than the hold says. */
function destinationOf(hold: Hold, account: LedgerAccount, { to }: Capture, caller: UserPrincipal): string | null {
  if (to === undefined) {
    if (hold.toAccountId === null) throw invalidField('/to', 'is needed: the hold names no destination');
    return hold.toAccountId;
  }
  const mayChoose = account.ownerId === caller.userId || hasRole(caller, 'operator') || to === hold.toAccountId;
  if (!mayChoose) throw invalidField('/to', 'must be the destination that the hold names');
  return to;
}

function assertActive(state: LedgerState, hold: Hold): void {
  const id = formatId('hld', hold.id);
  if (hold.purpose !== 'authorization') {
    throw new Refusal('hold_not_active', `Hold ${id} ends with the ${hold.purpose} that it was made for.`);
  }
  if (hold.status !== 'active') throw new Refusal('hold_not_active', `Hold ${id} is ${hold.status}.`);
  if (isDue(hold, state.now)) throw new Refusal('hold_not_active', `Hold ${id} is expired.`);
}

function assertCoverable(hold: Hold, amount: bigint): void {
  if (amount <= hold.amount) return;
  const money = (minor: bigint) => `${formatAmount(minor, hold.currency)} ${hold.currency}`;
  const detail = `Hold ${formatId('hld', hold.id)} is over ${money(hold.amount)}; ${money(amount)} asked for.`;
  throw new Refusal('capture_exceeds_hold', detail);
}

/** As a transfer it would have to wait for an operator who has no part in it; so one has to do it. */
function assertPermitted(
  { freeUpTo }: Capture,
  amount: bigint,
  sides: readonly LedgerAccount[],
  caller: UserPrincipal,
): void {
  if (freeUpTo === undefined || amount <= freeUpTo) return;
  if (hasRole(caller, 'operator') && sides.every(({ ownerId }) => ownerId !== caller.userId)) return;
  throw new Refusal('limit_exceeded', 'So much is captured by an operator only, who has no part in it.');
}

function checkedDestination(state: LedgerState, hold: Hold, toId: string | null, amount: bigint): LedgerAccount {
  if (toId === hold.accountId)
    throw new Refusal('same_account', 'A capture needs a destination other than the account.');
  const to = toId === null ? undefined : state.account(toId);
  if (!to || to.ownerId === null) throw new Refusal('account_not_found', 'The destination account does not exist.');
  if (to.currency !== hold.currency) {
    throw new Refusal('currency_mismatch', `The destination account is not kept in ${hold.currency}.`);
  }
  if (to.status === 'closed') throw statusRefusal(to, 'The destination account');
  if (!canReceive(to, amount)) throw new Refusal('limit_exceeded', 'The destination account cannot hold that much.');
  return to;
}

interface Capturing {
  readonly id: string;
  readonly hold: Hold;
  readonly account: LedgerAccount;
  readonly to: LedgerAccount;
  readonly amount: bigint;
}

function captured(state: LedgerState, capturing: Capturing, request: HoldRequest): Decision {
  const { hold, account, amount } = capturing;
  const after: Hold = { ...hold, status: 'captured', capturedAmount: amount, updatedAt: state.now };
  const transaction = transactionOf(state, capturing, request);
  const freed = withHold(account, hold, after);
  const viewer = hasRole(request.caller, 'operator') ? ('staff' as const) : { ownerId: request.caller.userId };
  const view = transactionView(
    postedView(transaction, (id) => state.account(id)),
    viewer,
  );
  return {
    outcome: 'applied',
    transactions: [transaction],
    holds: [after],
    limitUses: checkLimits(state, account, amount),
    rows: postingRecord({ transactionId: transaction.id, account: freed, limits: state.limits(account.id) }),
    events: [
      postedEvent(transaction, state, request.context, [freed]),
      holdEvent(after, { ...freed, posted: freed.posted - amount }, request.context),
    ],
    answer: { status: 200, body: JSON.stringify(view) },
  };
}

function transactionOf(
  state: LedgerState,
  { id, hold, account, to, amount }: Capturing,
  request: HoldRequest,
): PostedTransaction {
  return {
    id,
    type: 'transfer',
    amount,
    currency: hold.currency,
    debitAccountId: account.id,
    creditAccountId: to.id,
    description: hold.description,
    metadata: {},
    reversalOf: null,
    holdId: hold.id,
    initiatedBy: request.caller.id,
    traceId: request.traceId,
    createdAt: state.now,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, [
      { account: account.id, amount: -amount },
      { account: to.id, amount },
    ]),
  };
}
