import { formatAmount } from '@florin/money';
import { formatId, formatInstant } from '@florin/service';
import { accountName } from '../accounts/public-id.ts';
import type { LedgerAccount, PostedTransaction, TransactionType } from '../engine/command.ts';

/** A ledger account as far as it shows in a transaction. */
export type Party = Pick<LedgerAccount, 'id' | 'name' | 'ownerId'>;

/** Who looks: a customer, who sees the balances of no other, or staff, who see all. */
export type Viewer = { readonly ownerId: string } | 'staff';

/** One entry as a viewer may see it. */
export interface ViewedEntry {
  readonly party: Party;
  readonly currency: string;
  readonly amount: bigint;
  readonly balanceAfter: bigint;
  readonly version: bigint;
}

/** A transaction from wherever it is read: the rule that posts it, the ledger's tables, or a payment not settled yet. */
export interface ViewedTransaction {
  readonly id: string;
  readonly type: TransactionType;
  readonly status: 'pending' | 'pending_approval' | 'posted' | 'failed' | 'rejected';
  readonly amount: bigint;
  readonly currency: string;
  readonly from: Party;
  readonly to: Party;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: readonly ViewedEntry[];
  readonly reversalOf: string | null;
  readonly holdId: string | null;
  /** uuid of the latest reversal, if there is one. */
  readonly reversedBy?: string;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly createdAt: Date;
  /** Null until posted. */
  readonly postedAt: Date | null;
  readonly effectiveAt: Date | null;
}

interface ViewedEntryView {
  account: string;
  amount: string;
  balanceAfter?: string;
  version?: number;
}

/** A transaction as the contract writes it. */
export interface TransactionView {
  id: string;
  type: string;
  status: string;
  amount: string;
  currency: string;
  from: string;
  to: string;
  description: string | null;
  metadata: Readonly<Record<string, string>>;
  entries: ViewedEntryView[];
  reversalOf?: string;
  reversedBy?: string;
  holdId?: string;
  failure?: { code: string; message: string };
  createdAt: string;
  postedAt: string | null;
  effectiveAt: string | null;
}

/** The one place where a transaction becomes JSON: answers kept under idempotency keys and reads alike. */
export function transactionView(transaction: ViewedTransaction, viewer: Viewer): TransactionView {
  const { reversalOf, reversedBy, holdId, failure } = transaction;
  return {
    id: formatId('txn', transaction.id),
    type: transaction.type,
    status: transaction.status,
    amount: formatAmount(transaction.amount, transaction.currency),
    currency: transaction.currency,
    from: accountName(transaction.from),
    to: accountName(transaction.to),
    description: transaction.description,
    metadata: transaction.metadata,
    entries: transaction.entries.map((entry) => entryView(entry, viewer)),
    ...(reversalOf !== null && { reversalOf: formatId('txn', reversalOf) }),
    ...(reversedBy !== undefined && { reversedBy: formatId('txn', reversedBy) }),
    ...(holdId !== null && { holdId: formatId('hld', holdId) }),
    ...(failure && { failure }),
    createdAt: formatInstant(transaction.createdAt),
    postedAt: transaction.postedAt && formatInstant(transaction.postedAt),
    effectiveAt: transaction.effectiveAt && formatInstant(transaction.effectiveAt),
  };
}

function entryView({ party, amount, currency, balanceAfter, version }: ViewedEntry, viewer: Viewer): ViewedEntryView {
  const seen = { account: accountName(party), amount: formatAmount(amount, currency) };
  if (!maySeeBalance(party, viewer)) return seen;
  return { ...seen, balanceAfter: formatAmount(balanceAfter, currency), version: Number(version) };
}

function maySeeBalance(party: Party, viewer: Viewer): boolean {
  return viewer === 'staff' || party.ownerId === viewer.ownerId;
}

/** A transaction that a rule is about to post, for its answer. `party` must know every account it moves. */
export function postedView(
  transaction: PostedTransaction,
  party: (accountId: string) => Party | undefined,
): ViewedTransaction {
  const known = (id: string): Party => {
    const found = party(id);
    if (!found) throw new Error(`A transaction names ledger account ${id}, which does not exist`);
    return found;
  };
  return {
    ...transaction,
    status: 'posted',
    from: known(transaction.debitAccountId),
    to: known(transaction.creditAccountId),
    entries: transaction.entries.map((entry) => ({ ...entry, party: known(entry.account) })),
  };
}
