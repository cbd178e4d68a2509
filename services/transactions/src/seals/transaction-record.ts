import { type Database, prepare } from '@florin/database';
import type { Tables } from '../tables.ts';

/** Where a transaction stands in the order of the ledger: the database transaction that wrote it, then its own id. */
export interface LedgerPosition {
  /** Text of an xid8. */
  readonly xid: string;
  readonly id: string;
}

/** A transaction in the one spelling that is hashed. */
export interface TransactionRecord extends LedgerPosition {
  readonly record: string;
}

interface RecordRow extends LedgerPosition {
  type: string;
  amount: string;
  currency: string;
  debitAccountId: string;
  creditAccountId: string;
  description: string | null;
  metadata: Record<string, string>;
  reversalOf: string | null;
  holdId: string | null;
  initiatedBy: string;
  traceId: string | null;
  createdAt: string;
  postedAt: string;
  effectiveAt: string;
}

interface EntryRow {
  transactionId: string;
  accountId: string;
  version: string;
  amount: string;
  balanceAfter: string;
  currency: string;
  createdAt: string;
}

/** Microseconds since 1970: all that the column holds, in no time zone. */
const instant = (column: string) => `(extract(epoch from ${column}) * 1000000)::bigint::text`;

const recordColumns = `xid::text, id, type, amount::text, currency, debit_account_id as "debitAccountId",
  credit_account_id as "creditAccountId", description, metadata, reversal_of as "reversalOf", hold_id as "holdId",
  initiated_by as "initiatedBy", trace_id as "traceId", ${instant('created_at')} as "createdAt",
  ${instant('posted_at')} as "postedAt", ${instant('effective_at')} as "effectiveAt"`;

/**
 * Records in a page: parsed and hashed in a turn of the event loop, a few milliseconds, which the postings of this process
 * wait. Part of the statement, because the planner would not keep a plan for any number of rows.
 */
export const recordsPerPage = 128;

const endedRows = prepare<RecordRow>(
  'sealing_ended_transactions',
  `select ${recordColumns} from transactions
  where (xid, id) > ($1::xid8, $2::uuid) and xid < pg_snapshot_xmin(pg_current_snapshot())
  order by transactions.xid, id limit ${recordsPerPage}`,
);

const rowsById = prepare<RecordRow>(
  'sealing_transactions_by_id',
  `select ${recordColumns} from transactions where id = any ($1::uuid[]) order by transactions.xid, id`,
);

// `offset 0` keeps it a lookup in the index for each id.
const entryRows = prepare<EntryRow>(
  'sealing_entries',
  `select transaction_id as "transactionId", account_id as "accountId", version::text, amount::text,
    balance_after::text as "balanceAfter", currency, ${instant('created_at')} as "createdAt"
  from unnest($1::uuid[]) as wanted (id)
  cross join lateral (select * from entries where transaction_id = wanted.id offset 0) as entry
  order by account_id, entry.version`,
);

const start: LedgerPosition = { xid: '0', id: '00000000-0000-0000-0000-000000000000' };

/**
 * The next {@link recordsPerPage} transactions after a position, or from the start, in ledger order. Those whose database
 * transaction may still have company that is under way are left out.
 */
export async function readEndedRecords(
  db: Database<Tables>,
  after: LedgerPosition = start,
): Promise<TransactionRecord[]> {
  return await withEntries(db, await endedRows(db, [after.xid, after.id]));
}

/** The transactions with these ids, in ledger order. */
export async function readRecordsById(db: Database<Tables>, ids: readonly string[]): Promise<TransactionRecord[]> {
  return await withEntries(db, await rowsById(db, [ids]));
}

async function withEntries(db: Database<Tables>, rows: readonly RecordRow[]): Promise<TransactionRecord[]> {
  if (rows.length === 0) return [];
  const entries = await entryRows(db, [rows.map((row) => row.id)]);
  const byTransaction = Map.groupBy(entries, (entry) => entry.transactionId);
  return rows.map((row) => ({ xid: row.xid, id: row.id, record: recordOf(row, byTransaction.get(row.id) ?? []) }));
}

/**
 * Everything recorded about a transaction as JSON text, always the same for the same rows: fixed order of fields, ids as
 * uuids, amounts in minor units, instants in microseconds since 1970, metadata and entries as sorted lists. Changing it
 * takes a new version: what is sealed was hashed in the old one.
 */
function recordOf(row: RecordRow, entries: readonly EntryRow[]): string {
  return JSON.stringify({
    version: 'florin.transaction.v1',
    id: row.id,
    type: row.type,
    amount: row.amount,
    currency: row.currency,
    debitAccount: row.debitAccountId,
    creditAccount: row.creditAccountId,
    description: row.description,
    metadata: Object.entries(row.metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    reversalOf: row.reversalOf,
    hold: row.holdId,
    initiatedBy: row.initiatedBy,
    traceId: row.traceId,
    createdAt: row.createdAt,
    postedAt: row.postedAt,
    effectiveAt: row.effectiveAt,
    entries: entries.map((entry) => ({
      account: entry.accountId,
      version: entry.version,
      amount: entry.amount,
      balanceAfter: entry.balanceAfter,
      currency: entry.currency,
      createdAt: entry.createdAt,
    })),
  });
}
