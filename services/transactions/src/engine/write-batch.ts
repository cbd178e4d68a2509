import {
  bigintColumn,
  bytesColumn,
  type Column,
  packEvents,
  smallintColumn,
  textColumn,
  timeColumn,
  uuidColumn,
} from '@florin/database';
import type { QueryResultRow } from 'pg';
import type { BatchWrites } from './batch-decision.ts';
import type { Statement } from './batch-statements.ts';
import { furtherColumns, furtherWrites, needsFurtherWrites } from './further-writes.ts';

const plainAccounts = `
    update ledger_accounts as account
    set posted = new.posted, version = new.version, last_entry_at = new.last_entry_at
    from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[])
      as new (id, posted, version, last_entry_at)
    where account.id = new.id`;

/** `changedAccounts` and `further` make the two variants; see further-writes.ts. */
const writeText = (changedAccounts: string, further: string) => `
  with changed_accounts as (${changedAccounts}
  ), new_transactions as (
    insert into transactions (id, type, amount, currency, debit_account_id, credit_account_id, description, metadata,
      reversal_of, hold_id, initiated_by, trace_id, created_at, posted_at, effective_at)
    select id, type, amount, currency, debit_account_id, credit_account_id, description, metadata::jsonb, reversal_of,
      hold_id, initiated_by, trace_id, created_at, posted_at, effective_at
    from unnest($5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::uuid[], $10::uuid[], $11::text[],
      $12::text[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::timestamptz[], $18::timestamptz[],
      $19::timestamptz[]) as new (id, type, amount, currency, debit_account_id, credit_account_id, description, metadata,
      reversal_of, hold_id, initiated_by, trace_id, created_at, posted_at, effective_at)
  ), new_entries as (
    insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
    select * from unnest($20::uuid[], $21::bigint[], $22::uuid[], $23::bigint[], $24::bigint[], $25::text[],
      $26::timestamptz[])
  ), new_answers as (
    insert into idempotency_keys (caller, key, fingerprint, status, body)
    select * from unnest($27::text[], $28::text[], $29::bytea[], $30::smallint[], $31::text[])
  ), changed_payments as (
    update payments as payment
    set status = new.status, provider_reference = coalesce(new.provider_reference, payment.provider_reference),
      failure_code = new.failure_code, failure_message = new.failure_message, updated_at = new.updated_at,
      next_attempt_at = case when new.status = 'pending' then payment.next_attempt_at end
    from unnest($32::uuid[], $33::text[], $34::text[], $35::text[], $36::text[], $37::timestamptz[])
      as new (id, status, provider_reference, failure_code, failure_message, updated_at)
    where payment.id = new.id
  )${further}
  insert into outbox (event, size, type, packed, recorded)
  select event, size, type, packed, recorded
  from unnest($38::json[], $39::smallint[], $40::text[], $41::text[], $42::json[]) with ordinality
    as new (event, size, type, packed, recorded, place) order by place`;

const plain = { name: 'write_batch', text: writeText(plainAccounts, '') };
const full = { name: 'write_batch_full', text: writeText(furtherWrites.changedAccounts, furtherWrites.others) };

/**
 * Writes everything a batch changes, in one statement. `now` stamps the payments. Few batches change holds, limits or
 * other tables: the rest do not pay for it.
 */
export function writeBatch(writes: BatchWrites, now: Date): Statement<QueryResultRow> {
  const needsFull = needsFurtherWrites(writes);
  return {
    ...(needsFull ? full : plain),
    values: [
      ...accountColumns(writes),
      ...transactionColumns(writes),
      ...entryColumns(writes),
      ...answerColumns(writes),
      ...paymentColumns(writes, now),
      ...eventColumns(writes),
      ...(needsFull ? furtherColumns(writes) : []),
    ],
  };
}

function accountColumns({ accounts }: BatchWrites): Column[] {
  return [
    uuidColumn(accounts.map((account) => account.id)),
    bigintColumn(accounts.map((account) => account.posted)),
    bigintColumn(accounts.map((account) => account.version)),
    timeColumn(accounts.map((account) => account.lastEntryAt)),
  ];
}

function transactionColumns({ transactions }: BatchWrites): Column[] {
  return [
    uuidColumn(transactions.map((transaction) => transaction.id)),
    textColumn(transactions.map((transaction) => transaction.type)),
    bigintColumn(transactions.map((transaction) => transaction.amount)),
    textColumn(transactions.map((transaction) => transaction.currency)),
    uuidColumn(transactions.map((transaction) => transaction.debitAccountId)),
    uuidColumn(transactions.map((transaction) => transaction.creditAccountId)),
    textColumn(transactions.map((transaction) => transaction.description)),
    textColumn(transactions.map((transaction) => JSON.stringify(transaction.metadata))),
    uuidColumn(transactions.map((transaction) => transaction.reversalOf)),
    uuidColumn(transactions.map((transaction) => transaction.holdId)),
    textColumn(transactions.map((transaction) => transaction.initiatedBy)),
    textColumn(transactions.map((transaction) => transaction.traceId)),
    timeColumn(transactions.map((transaction) => transaction.createdAt)),
    timeColumn(transactions.map((transaction) => transaction.postedAt)),
    timeColumn(transactions.map((transaction) => transaction.effectiveAt)),
  ];
}

function entryColumns({ transactions }: BatchWrites): Column[] {
  const rows = transactions.flatMap(({ id, postedAt, entries }) => entries.map((entry) => ({ entry, id, postedAt })));
  return [
    uuidColumn(rows.map((row) => row.entry.account)),
    bigintColumn(rows.map((row) => row.entry.version)),
    uuidColumn(rows.map((row) => row.id)),
    bigintColumn(rows.map((row) => row.entry.amount)),
    bigintColumn(rows.map((row) => row.entry.balanceAfter)),
    textColumn(rows.map((row) => row.entry.currency)),
    timeColumn(rows.map((row) => row.postedAt)),
  ];
}

function answerColumns({ answers }: BatchWrites): Column[] {
  // In the order of the keys, so that replicas given the same keys wait for each other instead of deadlocking.
  const rows = answers.toSorted((a, b) => (a.caller < b.caller || (a.caller === b.caller && a.key < b.key) ? -1 : 1));
  return [
    textColumn(rows.map((row) => row.caller)),
    textColumn(rows.map((row) => row.key)),
    bytesColumn(rows.map((row) => row.fingerprint)),
    smallintColumn(rows.map((row) => row.status)),
    textColumn(rows.map((row) => row.body)),
  ];
}

function paymentColumns({ payments }: BatchWrites, now: Date): Column[] {
  return [
    uuidColumn(payments.map((change) => change.id)),
    textColumn(payments.map((change) => change.status)),
    textColumn(payments.map((change) => change.providerReference ?? null)),
    textColumn(payments.map((change) => change.failure?.code ?? null)),
    textColumn(payments.map((change) => change.failure?.message ?? null)),
    timeColumn(payments.map(() => now)),
  ];
}

/** Many events of one type go into one row, packed: fewer bytes to write, to log and to read again. */
function eventColumns({ events }: BatchWrites): Column[] {
  const rows = packEvents(events).map((parcel) =>
    'zstd' in parcel
      ? { ...parcel, event: null, recorded: parcel.recorded.length > 0 ? JSON.stringify(parcel.recorded) : null }
      : { event: parcel.text, size: 1, type: null, zstd: null, recorded: null },
  );
  return [
    textColumn(
      rows.map((row) => row.event),
      'json',
    ),
    smallintColumn(rows.map((row) => row.size)),
    textColumn(rows.map((row) => row.type)),
    textColumn(rows.map((row) => row.zstd)),
    textColumn(
      rows.map((row) => row.recorded),
      'json',
    ),
  ];
}
