import { type Database, prepare, type Transaction } from '@florin/database';
import { sql } from 'kysely';
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

const entryColumns = `transaction_id as "transactionId", account_id as "accountId", version::text, amount::text,
  balance_after::text as "balanceAfter", currency, ${instant('created_at')} as "createdAt"`;

/** The transactions with these ids, in ledger order, each with its entries. */
export async function readRecordsById(db: Database<Tables>, ids: readonly string[]): Promise<TransactionRecord[]> {
  const { rows } = await sql<RecordRow>`select ${sql.raw(recordColumns)} from transactions
    where id = any (${[...ids]}::uuid[]) order by transactions.xid, id`.execute(db);
  const { rows: entries } = await sql<EntryRow>`select ${sql.raw(entryColumns)}
    from unnest(${rows.map((row) => row.id)}::uuid[]) as wanted (id)
    cross join lateral (select * from entries where transaction_id = wanted.id offset 0) as entry
    order by account_id, entry.version`.execute(db);
  return recordsOf(rows, entries);
}

/**
 * Records in a page: parsed and hashed in a turn of the event loop, a few milliseconds, which the postings of this process
 * wait. Part of the statement, so that it has one plan.
 */
export const recordsPerPage = 128;

const endedTransactions = prepare<RecordRow>(
  'sealing-transactions',
  `select ${recordColumns} from transactions
   where (xid, id) > ($1::xid8, $2::uuid) and xid < pg_snapshot_xmin(pg_current_snapshot())
   order by transactions.xid, id limit ${recordsPerPage}`,
);

const entriesOf = prepare<EntryRow>(
  'sealing-entries',
  `select ${entryColumns} from unnest($1::uuid[]) as wanted (id)
   cross join lateral (select * from entries where transaction_id = wanted.id offset 0) as entry
   order by account_id, entry.version`,
);

const start: LedgerPosition = { xid: '0', id: '00000000-0000-0000-0000-000000000000' };

/**
 * The next {@link recordsPerPage} transactions after a position, or from the start, in ledger order. Those whose database
 * transaction may still have company that is under way are left out. Call `planByKey` first: the plans are kept.
 */
export async function readEndedRecords(
  tx: Transaction<Tables>,
  after: LedgerPosition = start,
): Promise<TransactionRecord[]> {
  const rows = await endedTransactions(tx, [after.xid, after.id]);
  return rows.length === 0 ? [] : recordsOf(rows, await entriesOf(tx, [rows.map((row) => row.id)]));
}

function recordsOf(rows: readonly RecordRow[], entries: readonly EntryRow[]): TransactionRecord[] {
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
