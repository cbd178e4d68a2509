/**
 * The tables that a decision may add rows to beside the ledger's own, with the columns it gives: one row here for a new
 * one. Rows are written as JSON: bigints as strings, instants in RFC 3339.
 */
export const insertableTables = {
  payments: [
    'id',
    'type',
    'account_id',
    'owner_id',
    'amount',
    'currency',
    'status',
    'provider',
    'source',
    'description',
    'metadata',
    'initiated_by',
    'trace_id',
    'next_attempt_at',
    'created_at',
    'updated_at',
  ],
  pending_transfers: [
    'id',
    'from_account_id',
    'to_account_id',
    'owner_id',
    'amount',
    'fee',
    'currency',
    'description',
    'metadata',
    'initiated_by',
    'trace_id',
    'created_at',
  ],
  approval_decisions: ['id', 'outcome', 'decided_by', 'reason', 'decided_at'],
  fx_quote_uses: ['quote_id', 'transaction_id'],
  decision_records: [
    'transaction_id',
    'step',
    'posted',
    'held',
    'limit_per_transaction',
    'limit_daily',
    'limit_monthly',
    'used_today',
    'used_this_month',
    'approval_threshold',
    'fee_fixed',
    'fee_millionths',
    'fee_max',
  ],
} as const satisfies Record<string, readonly string[]>;

export type InsertableTable = keyof typeof insertableTables;

/** A row for one of them; a column left out is null. */
export interface NewRow {
  readonly table: InsertableTable;
  readonly row: Readonly<Record<string, unknown>>;
}
