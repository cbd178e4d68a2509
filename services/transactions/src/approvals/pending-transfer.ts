import { type Considered, requestRecord } from '../decisions/decision-record.ts';
import type { LedgerState } from '../engine/command.ts';
import { type Hold, withHold } from '../engine/hold.ts';
import type { NewRow } from '../engine/insertable-tables.ts';
import { holdEvent } from '../holds/hold-event.ts';
import { transactionView } from '../transactions/transaction-view.ts';
import type { Parties, Transfer, TransferEffect, TransferRequest } from '../transfers/transfer-rules.ts';
import { viewPending } from './pending-view.ts';

/**
 * What a transfer does that has to wait for an operator: its amount and fee are held, and it is written down. Hold and
 * transaction have the same uuid; the hold's status says whether the transfer still waits.
 */
export function pendingEffect(
  state: LedgerState,
  transfer: Transfer,
  { from, to }: Parties,
  { caller, traceId, context }: TransferRequest,
  considered: Considered,
): TransferEffect {
  const { id, amount, fee = 0n, currency, description, metadata } = transfer;
  const createdAt = state.now;
  const waiting = { id, amount, currency, description, metadata, createdAt, outcome: null, reason: null };
  const view = transactionView(viewPending(waiting, from, to), { ownerId: caller.userId });
  const hold = holdOf(transfer, from.id, { initiatedBy: caller.id, traceId, createdAt });
  return {
    transactions: [],
    holds: [hold],
    limitUses: [],
    rows: [
      rowOf({
        id,
        from_account_id: from.id,
        to_account_id: to.id,
        owner_id: caller.userId,
        amount: amount.toString(),
        fee: fee.toString(),
        currency,
        description,
        metadata,
        initiated_by: caller.id,
        trace_id: traceId,
        created_at: createdAt.toISOString(),
      }),
      requestRecord(considered),
    ],
    events: [holdEvent(hold, withHold(from, undefined, hold), context)],
    view,
  };
}

function rowOf(row: NewRow['row']): NewRow {
  return { table: 'pending_transfers', row };
}

function holdOf(
  { id, amount, fee = 0n, currency, description }: Transfer,
  accountId: string,
  { initiatedBy, traceId, createdAt }: Pick<Hold, 'initiatedBy' | 'traceId' | 'createdAt'>,
): Hold {
  return {
    id,
    purpose: 'approval',
    accountId,
    toAccountId: null,
    amount: amount + fee,
    capturedAmount: 0n,
    currency,
    status: 'active',
    description,
    initiatedBy,
    traceId,
    expiresAt: null,
    createdAt,
    updatedAt: createdAt,
  };
}
