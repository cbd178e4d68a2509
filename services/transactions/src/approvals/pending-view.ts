import type { Party, ViewedTransaction } from '../transactions/transaction-view.ts';

/** A transfer that waits for an operator, or did. Ids are uuids. */
export interface PendingTransfer {
  /** Of the transaction that it becomes, and of the hold. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Of `from`. */
  readonly ownerId: string;
  readonly amount: bigint;
  readonly fee: bigint;
  readonly currency: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** `usr_…` */
  readonly initiatedBy: string;
  readonly traceId: string | null;
  readonly createdAt: Date;
  /** Null while it waits. */
  readonly outcome: 'approved' | 'rejected' | null;
  readonly reason: string | null;
}

/** A transfer that is not posted, as a transaction. */
export function viewPending(
  pending: Pick<
    PendingTransfer,
    'id' | 'amount' | 'currency' | 'description' | 'metadata' | 'createdAt' | 'outcome' | 'reason'
  >,
  from: Party,
  to: Party,
): ViewedTransaction {
  const { id, amount, currency, description, metadata, createdAt, outcome, reason } = pending;
  return {
    id,
    type: 'transfer',
    status: outcome === null ? 'pending_approval' : 'rejected',
    amount,
    currency,
    from,
    to,
    description,
    metadata,
    entries: [],
    reversalOf: null,
    holdId: id,
    ...(outcome !== null && { failure: { code: 'rejected', message: reason ?? 'An operator has rejected it.' } }),
    createdAt,
    postedAt: null,
    effectiveAt: null,
  };
}
