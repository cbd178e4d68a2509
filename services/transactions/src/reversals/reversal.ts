import { hasRole, type UserPrincipal } from '@florin/auth';
import { formatAmount } from '@florin/money';
import { formatId, problem } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import { postingRecord } from '../decisions/decision-record.ts';
import type {
  Decision,
  LedgerAccount,
  LedgerState,
  PostedTransaction,
  ReversedTransaction,
  TransactionType,
} from '../engine/command.ts';
import { canGive, canReceive, entriesFor } from '../engine/entries.ts';
import { notFound, Refusal } from '../errors.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { postedView, transactionView } from '../transactions/transaction-view.ts';
import { refusedBy } from '../transfers/transfer.ts';
import { fundsRefusal, statusRefusal } from '../transfers/transfer-rules.ts';

/** A wish to take a transaction back, all of what is left of it or a part. */
export interface Reversal {
  /** uuid that the reversal will have. */
  readonly id: string;
  /** uuid of the transaction. */
  readonly of: string;
  readonly amount: string | undefined;
  /** Reads `amount`, minor units. @throws {ProblemError} validation_failed */
  readonly read: (amount: string, currency: string) => bigint;
  readonly reason: string | null;
}

/** On whose behalf, and how answers refer to the request. */
export interface ReversalRequest {
  readonly caller: UserPrincipal;
  readonly path: string;
  readonly traceId: string;
  readonly context: Context;
}

/**
 * Of these the money can be moved back here. Of a deposit or withdrawal it lies with the provider; a conversion has two
 * currencies and a rate; fees and interest are corrected with what they belong to; a reversal is final.
 */
const reversible: readonly TransactionType[] = ['transfer'];

/**
 * Decides a reversal: money goes from the payee back to the payer. The first rule that says no gives the answer: the
 * transaction exists and the caller is a side of it or an operator (404) · the payer alone may not (403, the payee or an
 * operator has to) · its type can be reversed · the amount (400) · so much is left · the payee's account is
 * active, the payer's not closed · the payee's funds. Limits do not count what is given back.
 */
export function decideReversal(state: LedgerState, reversal: Reversal, request: ReversalRequest): Decision {
  try {
    const { original, payer, payee } = checkedSides(state, reversal.of, request.caller);
    const amount = checkedAmount(original, reversal);
    checkAccounts(payer, payee, amount);
    const transaction = transactionOf(state, reversal, original, amount, request);
    const viewer = hasRole(request.caller, 'operator') ? ('staff' as const) : { ownerId: request.caller.userId };
    const posted = postedView(transaction, (id) => state.account(id));
    return {
      outcome: 'applied',
      transactions: [transaction],
      rows: postingRecord({ transactionId: transaction.id, account: payee }),
      events: [postedEvent(transaction, state, request.context)],
      answer: { status: 201, body: JSON.stringify(transactionView(posted, viewer)) },
    };
  } catch (error) {
    return refusedBy(error, request);
  }
}

interface Sides {
  readonly original: ReversedTransaction;
  /** Who paid and gets it back. */
  readonly payer: LedgerAccount;
  /** Who was paid and gives it back. */
  readonly payee: LedgerAccount;
}

function checkedSides(state: LedgerState, id: string, caller: UserPrincipal): Sides {
  const original = state.reversed(id);
  const payer = original && state.account(original.debitAccountId);
  const payee = original && state.account(original.creditAccountId);
  const mayReverse = payee?.ownerId === caller.userId || hasRole(caller, 'operator');
  const sees = mayReverse || payer?.ownerId === caller.userId;
  if (!original || !payer || !payee || !sees) throw notFound('transaction');
  if (!mayReverse) throw problem('forbidden', 'Only who was paid may give it back.');
  if (!reversible.includes(original.type)) {
    throw new Refusal('not_reversible', `A ${original.type} cannot be reversed here.`);
  }
  return { original, payer, payee };
}

function checkedAmount(original: ReversedTransaction, { amount, read }: Reversal): bigint {
  const left = original.amount - original.reversedAmount;
  const wanted = amount === undefined ? left : read(amount, original.currency);
  if (left > 0n && wanted <= left) return wanted;
  const money = `${formatAmount(left, original.currency)} ${original.currency}`;
  const id = formatId('txn', original.id);
  throw new Refusal('already_reversed', `${money} of transaction ${id} is left to reverse.`);
}

function checkAccounts(payer: LedgerAccount, payee: LedgerAccount, amount: bigint): void {
  if (payee.status !== 'active') throw statusRefusal(payee, 'The account of who was paid');
  if (payer.status === 'closed') throw statusRefusal(payer, 'The account of who paid');
  if (!canGive(payee, amount)) throw fundsRefusal(payee, amount);
  if (!canReceive(payer, amount)) {
    throw new Refusal('limit_exceeded', 'The account of who paid cannot hold that much.');
  }
}

function transactionOf(
  state: LedgerState,
  { id, reason }: Reversal,
  original: ReversedTransaction,
  amount: bigint,
  { caller, traceId }: ReversalRequest,
): PostedTransaction {
  const [from, to] = [original.creditAccountId, original.debitAccountId];
  return {
    id,
    type: 'reversal',
    amount,
    currency: original.currency,
    debitAccountId: from,
    creditAccountId: to,
    description: reason,
    metadata: {},
    reversalOf: original.id,
    holdId: null,
    initiatedBy: caller.id,
    traceId,
    createdAt: state.now,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, [
      { account: from, amount: -amount },
      { account: to, amount },
    ]),
  };
}
