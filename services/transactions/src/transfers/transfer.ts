import { ProblemError, problemBody } from '@florin/service';
import { pendingEffect } from '../approvals/pending-transfer.ts';
import { postingRecord } from '../decisions/decision-record.ts';
import type { Decision, LedgerState } from '../engine/command.ts';
import { Refusal } from '../errors.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { postedView, transactionView } from '../transactions/transaction-view.ts';
import { stepUpRequired } from './step-up.ts';
import {
  checkedParties,
  checkFunds,
  type Transfer,
  type TransferEffect,
  type TransferRequest,
  transactionOf,
} from './transfer-rules.ts';

export { Refusal } from '../errors.ts';
export {
  fundsRefusal,
  statusRefusal,
  type Transfer,
  type TransferEffect,
  type TransferRequest,
} from './transfer-rules.ts';

/** Decides a transfer that is a command of its own. The command names its accounts, and `from` in `limitsOf`. */
export function decideTransfer(state: LedgerState, transfer: Transfer, request: TransferRequest): Decision {
  try {
    const { view, ...effect } = effectOf(state, transfer, request);
    return { outcome: 'applied', ...effect, answer: { status: 201, body: JSON.stringify(view) } };
  } catch (error) {
    return refusedBy(error, request);
  }
}

/**
 * The rules of transfers, on a state in which earlier ones of the same batch may have moved the accounts. The first rule
 * that says no is thrown, in this order: the caller has stepped up where he must (403) · `from` exists and is the caller's (404) · different accounts · the destination
 * exists · both have the currency · `from` may give · `to` may receive · funds, the fee included · the destination's
 * balance stays representable · limits.
 * @throws {Refusal} for a money rule (422)
 * @throws {ProblemError} step_up_required, not_found
 */
export function effectOf(state: LedgerState, transfer: Transfer, request: TransferRequest): TransferEffect {
  if (transfer.needsStepUp) throw stepUpRequired();
  const parties = checkedParties(state, transfer, request.caller.userId);
  checkFunds(parties, transfer);
  const limitUses = checkLimits(state, parties.from, transfer.amount);
  const { id: transactionId, terms } = transfer;
  const considered = { transactionId, account: parties.from, limits: state.limits(parties.from.id), terms };
  if (transfer.needsApproval) return pendingEffect(state, transfer, parties, request, considered);
  const origin = { initiatedBy: request.caller.id, traceId: request.traceId, createdAt: state.now, holdId: null };
  const transaction = transactionOf(state, transfer, parties, origin);
  const posted = postedView(transaction, (id) => state.account(id));
  return {
    transactions: [transaction],
    holds: [],
    limitUses,
    rows: postingRecord(considered),
    events: [postedEvent(transaction, state, request.context)],
    view: transactionView(posted, { ownerId: request.caller.userId }),
  };
}

/** The decision that a thrown no is. Anything else is a bug and thrown on. */
export function refusedBy(error: unknown, { path, traceId }: Pick<TransferRequest, 'path' | 'traceId'>): Decision {
  if (error instanceof Refusal) {
    const body = JSON.stringify(problemBody(error, { path, traceId }));
    return { outcome: 'refused', answer: { status: error.statusCode, body } };
  }
  if (error instanceof ProblemError) return { outcome: 'refused', error };
  throw error;
}
