import type { IdempotencyKeysTable, InboxTable, OutboxTable } from '@florin/database';
import type { Generated, JSONColumnType } from 'kysely';
import type { LedgerAccountStatus, PaymentStatus, TransactionType } from './engine/command.ts';
import type { HoldPurpose, HoldStatus } from './engine/hold.ts';
import type { Instrument } from './payments/providers/provider.ts';

/** Class of an account in the books. Customers' accounts are liabilities of the bank. */
export type AccountClass = 'asset' | 'liability' | 'income' | 'expense' | 'equity';

/** Amounts are minor units of `currency`; see LedgerAccount for the sign. Only the posting engine changes balances. */
export interface LedgerAccountsTable {
  id: string;
  owner_id: string | null;
  class: AccountClass;
  name: string | null;
  currency: string;
  status: LedgerAccountStatus;
  /** Of the account in the service accounts: what is older is ignored. */
  status_version: number;
  account_number: string | null;
  posted: Generated<bigint>;
  held: Generated<bigint>;
  held_version: Generated<bigint>;
  version: Generated<bigint>;
  floor: bigint | null;
  limit_per_transaction: Generated<bigint | null>;
  limit_daily: Generated<bigint | null>;
  limit_monthly: Generated<bigint | null>;
  last_entry_at: Date | null;
  created_at: Date;
}

/** Immutable, also for the database role. */
export interface TransactionsTable {
  id: string;
  type: TransactionType;
  amount: bigint;
  currency: string;
  debit_account_id: string;
  credit_account_id: string;
  description: string | null;
  metadata: JSONColumnType<Record<string, string>>;
  reversal_of: string | null;
  hold_id: string | null;
  initiated_by: string;
  trace_id: string | null;
  created_at: Date;
  posted_at: Date;
  effective_at: Date;
  /** The database transaction that wrote the row, an xid8 as text: the order in which transactions are sealed. */
  xid: Generated<string>;
  /** True in what was posted before decisions were recorded, null in all others. */
  decision_unrecorded: Generated<true | null>;
}

/** What a decision looked at besides its entries; null: not in force. Immutable, also for the database role. */
export interface DecisionRecordsTable {
  transaction_id: string;
  /** `request`: it was let wait, for an operator or a provider. `posting`: it was posted. */
  step: 'request' | 'posting';
  /** Of the account that gives, before. Minor units, as all but `fee_millionths`. */
  posted: bigint;
  held: bigint;
  limit_per_transaction: bigint | null;
  limit_daily: bigint | null;
  limit_monthly: bigint | null;
  /** What was used of the limits before. */
  used_today: bigint | null;
  used_this_month: bigint | null;
  approval_threshold: bigint | null;
  fee_fixed: bigint | null;
  fee_millionths: bigint | null;
  fee_max: bigint | null;
}

/** Immutable, also for the database role. */
export interface EntriesTable {
  account_id: string;
  version: bigint;
  transaction_id: string;
  amount: bigint;
  balance_after: bigint;
  currency: string;
  created_at: Date;
}

/** Deposits and withdrawals, on their way and afterwards; the id is that of the transaction they become. */
export interface PaymentsTable {
  id: string;
  type: 'deposit' | 'withdrawal';
  account_id: string;
  owner_id: string;
  amount: bigint;
  currency: string;
  status: PaymentStatus;
  provider: string;
  provider_reference: string | null;
  /** Of a deposit; the destination of a withdrawal. */
  source: JSONColumnType<Instrument>;
  failure_code: string | null;
  failure_message: string | null;
  description: string | null;
  metadata: JSONColumnType<Record<string, string>>;
  initiated_by: string;
  trace_id: string | null;
  attempts: Generated<number>;
  next_attempt_at: Date | null;
  submitted_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** Money set aside; only the posting engine writes it. */
export interface HoldsTable {
  id: string;
  purpose: HoldPurpose;
  account_id: string;
  to_account_id: string | null;
  amount: bigint;
  captured_amount: bigint;
  currency: string;
  status: HoldStatus;
  description: string | null;
  initiated_by: string;
  trace_id: string | null;
  expires_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

/** What is used of an account's limits in a period, such as `2026-11-20` or `2026-11`, UTC. */
export interface LimitUsesTable {
  account_id: string;
  period: string;
  used: bigint;
}

/** Prices of conversions, kept when used. Immutable, also for the database role; unused ones are deleted. */
export interface FxQuotesTable {
  id: string;
  owner_id: string;
  sell: string;
  buy: string;
  side: 'sell' | 'buy';
  /** Minor units of `sell` and of `buy`. */
  sell_amount: bigint;
  buy_amount: bigint;
  mid_rate: string;
  rate: string;
  spread_basis_points: number;
  created_at: Date;
  expires_at: Date;
}

/** Which conversion a quote was used for. */
export interface FxQuoteUsesTable {
  quote_id: string;
  transaction_id: string;
}

/** Signed statements about spans of the ledger. Immutable, also for the database role; see src/seals. */
export interface LedgerSealsTable {
  number: bigint;
  previous: Buffer;
  root: Buffer;
  size: number;
  last_xid: string;
  last_transaction_id: string;
  /** Ids of the transactions, in order. */
  members: string[];
  /** Their hashes, 32 bytes each, in the same order. */
  leaves: Buffer;
  sealed_at: Date;
  hash: Buffer;
  key: string;
  signature: Buffer;
}

/** Transfers that wait for an operator, or did; the id is that of the transaction, and of the hold. */
export interface PendingTransfersTable {
  id: string;
  from_account_id: string;
  to_account_id: string;
  owner_id: string;
  amount: bigint;
  fee: bigint;
  currency: string;
  description: string | null;
  metadata: JSONColumnType<Record<string, string>>;
  initiated_by: string;
  trace_id: string | null;
  created_at: Date;
}

/** What operators decided about them. */
export interface ApprovalDecisionsTable {
  id: string;
  outcome: 'approved' | 'rejected';
  /** `usr_…` */
  decided_by: string;
  reason: string | null;
  decided_at: Date;
}

/** The schema `transactions`. */
export interface Tables {
  ledger_accounts: LedgerAccountsTable;
  transactions: TransactionsTable;
  entries: EntriesTable;
  ledger_seals: LedgerSealsTable;
  fx_quotes: FxQuotesTable;
  fx_quote_uses: FxQuoteUsesTable;
  payments: PaymentsTable;
  holds: HoldsTable;
  limit_uses: LimitUsesTable;
  pending_transfers: PendingTransfersTable;
  approval_decisions: ApprovalDecisionsTable;
  decision_records: DecisionRecordsTable;
  idempotency_keys: IdempotencyKeysTable;
  outbox: OutboxTable;
  inbox: InboxTable;
}
