import { transactionFailed } from '@florin/contracts';
import { newEvent, type SerializedEvent, serialize } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId, problem } from '@florin/service';
import { postingRecord } from '../decisions/decision-record.ts';
import type { Decision, LedgerState } from '../engine/command.ts';
import { type Hold, withHold } from '../engine/hold.ts';
import type { NewRow } from '../engine/insertable-tables.ts';
import { holdEvent } from '../holds/hold-event.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { postedView, transactionView } from '../transactions/transaction-view.ts';
import { refusedBy } from '../transfers/transfer.ts';
import { checkedParties, checkFunds, type TransferRequest, transactionOf } from '../transfers/transfer-rules.ts';
import { type PendingTransfer, viewPending } from './pending-view.ts';

/** An operator's word on a waiting transfer. */
export interface ApprovalRequest extends TransferRequest {
  readonly outcome: 'approved' | 'rejected';
  /** Why, for the record; on a rejection the customer reads it too. */
  readonly reason: string | null;
}

/**
 * Decides an operator's word: 403 on a transfer of one's own · 409 where there has been a word already · for an approval
 * all rules of transfers but the ownership, since accounts and limits may have changed while it waited: 422, and it goes
 * on waiting. The hold's lock makes the first word the only one.
 */
export function decideApproval(state: LedgerState, pending: PendingTransfer, request: ApprovalRequest): Decision {
  try {
    const hold = heldFor(state, pending, request);
    return request.outcome === 'approved'
      ? approved(state, pending, hold, request)
      : rejected(state, pending, hold, request);
  } catch (error) {
    return refusedBy(error, request);
  }
}

function heldFor(state: LedgerState, pending: PendingTransfer, { caller }: ApprovalRequest): Hold {
  if (caller.userId === pending.ownerId || caller.id === pending.initiatedBy) {
    throw problem('forbidden', 'Nobody decides on a transfer of their own.');
  }
  const hold = state.hold(pending.id);
  if (!hold) throw new Error(`Nothing is held for transfer ${pending.id}`);
  if (hold.status !== 'active') throw problem('conflict', 'Another decision on this transfer came first.');
  return hold;
}

function approved(state: LedgerState, pending: PendingTransfer, hold: Hold, request: ApprovalRequest): Decision {
  const after: Hold = { ...hold, status: 'captured', capturedAmount: hold.amount, updatedAt: state.now };
  const parties = checkedParties(state, pending, pending.ownerId);
  const freed = withHold(parties.from, hold, after);
  checkFunds({ ...parties, from: freed }, pending);
  const limitUses = checkLimits(state, freed, pending.amount);
  const considered = { transactionId: pending.id, account: freed, limits: state.limits(freed.id) };
  const transaction = transactionOf(state, pending, parties, { ...pending, holdId: hold.id });
  const posted = postedView(transaction, (id) => state.account(id));
  const emptied = { ...freed, posted: freed.posted - hold.amount };
  return {
    outcome: 'applied',
    transactions: [transaction],
    holds: [after],
    limitUses,
    rows: [rowOf(state, pending, request), ...postingRecord(considered)],
    events: [postedEvent(transaction, state, request.context, [freed]), holdEvent(after, emptied, request.context)],
    answer: { status: 200, body: JSON.stringify(transactionView(posted, 'staff')) },
  };
}

function rejected(state: LedgerState, pending: PendingTransfer, hold: Hold, request: ApprovalRequest): Decision {
  const after: Hold = { ...hold, status: 'voided', updatedAt: state.now };
  const [from, to] = [state.account(pending.from), state.account(pending.to)];
  if (!from || !to) throw new Error(`An account of transfer ${pending.id} does not exist`);
  const { outcome, reason } = request;
  const view = viewPending({ ...pending, outcome, reason }, from, to);
  return {
    outcome: 'applied',
    transactions: [],
    holds: [after],
    rows: [rowOf(state, pending, request)],
    events: [
      failedEvent(pending, view.failure, request),
      holdEvent(after, withHold(from, hold, after), request.context),
    ],
    answer: { status: 200, body: JSON.stringify(transactionView(view, 'staff')) },
  };
}

function rowOf(state: LedgerState, { id }: PendingTransfer, { caller, outcome, reason }: ApprovalRequest): NewRow {
  const row = { id, outcome, decided_by: caller.id, reason, decided_at: state.now.toISOString() };
  return { table: 'approval_decisions', row };
}

function failedEvent(
  pending: PendingTransfer,
  failure = { code: 'rejected', message: '' },
  { context: trace }: ApprovalRequest,
): SerializedEvent {
  const id = formatId('txn', pending.id);
  const data = {
    transaction: {
      id,
      type: 'transfer',
      amount: formatAmount(pending.amount, pending.currency),
      currency: pending.currency,
      account: formatId('acc', pending.from),
      owner: formatId('usr', pending.ownerId),
      createdAt: pending.createdAt.toISOString(),
    },
    failure,
  };
  return serialize(newEvent(transactionFailed, { source: 'florin/transactions', subject: id, trace, data }));
}
