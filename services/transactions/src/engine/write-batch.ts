import { packEvents, rowArray } from '@florin/database';
import type { QueryResultRow } from 'pg';
import type { BatchWrites } from './batch-decision.ts';
import type { Statement } from './batch-statements.ts';
import { furtherRows, furtherWrites, needsFurtherWrites } from './further-writes.ts';

/**
 * Accounts are found where they were when they were locked, without a search (`is not distinct from` keeps the index out). A
 * locked row stays in its place; were one not there, this divides by zero and the whole statement fails.
 */
const allAccountsChanged = '(select 1 / (count(*) = cardinality($1::account_change[]))::int from changed_accounts) = 1';

/** `further` makes the two variants; see further-writes.ts. */
const writeText = (further: string) => `
  with changed_accounts as (
    update ledger_accounts as account
    set posted = new.posted, version = new.version, last_entry_at = new.last_entry_at, held = new.held,
      held_version = new.held_version
    from unnest($1::account_change[]) as new
    where account.ctid = new.row_place::tid and account.id is not distinct from new.id
    returning 1
  ), new_transactions as (
    insert into transactions (id, type, amount, currency, debit_account_id, credit_account_id, description, metadata,
      reversal_of, hold_id, initiated_by, trace_id, created_at, posted_at, effective_at)
    select * from unnest($2::new_transaction[])
  ), new_entries as (
    insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
    select * from unnest($3::new_entry[])
  ), new_answers as (
    insert into idempotency_keys (caller, key, fingerprint, status, body)
    select * from unnest($4::new_answer[])
  )${further}
  insert into outbox (event, size, type, packed, recorded)
  select event, size, type, packed, recorded
  from unnest($5::new_event[]) with ordinality as new (event, size, type, packed, recorded, place)
  where ${allAccountsChanged} order by place`;

const plain = { name: 'write_batch', text: writeText('') };
const full = { name: 'write_batch_full', text: writeText(furtherWrites) };

/**
 * Writes everything a batch changes, in one statement. `places` are those of the locked accounts' rows, by id; `now` stamps
 * the payments. Few batches change payments, holds,
 * limits or other tables: the rest do not pay for it.
 */
export function writeBatch(
  writes: BatchWrites,
  places: ReadonlyMap<string, string>,
  now: Date,
): Statement<QueryResultRow> {
  const needsFull = needsFurtherWrites(writes);
  return {
    ...(needsFull ? full : plain),
    values: [
      accountRows(writes, places),
      transactionRows(writes),
      entryRows(writes),
      answerRows(writes),
      eventRows(writes),
      ...(needsFull ? furtherRows(writes, now) : []),
    ],
  };
}

function accountRows({ accounts }: BatchWrites, places: ReadonlyMap<string, string>): Buffer {
  return rowArray(accounts, (row, account) => {
    row.text(places.get(account.id) ?? null);
    row.uuid(account.id);
    row.bigint(account.posted);
    row.bigint(account.version);
    row.time(account.lastEntryAt);
    row.bigint(account.held);
    row.bigint(account.heldVersion);
  });
}

function transactionRows({ transactions }: BatchWrites): Buffer {
  return rowArray(transactions, (row, transaction) => {
    row.uuid(transaction.id);
    row.text(transaction.type);
    row.bigint(transaction.amount);
    row.text(transaction.currency);
    row.uuid(transaction.debitAccountId);
    row.uuid(transaction.creditAccountId);
    row.text(transaction.description);
    row.jsonb(JSON.stringify(transaction.metadata));
    row.uuid(transaction.reversalOf);
    row.uuid(transaction.holdId);
    row.text(transaction.initiatedBy);
    row.text(transaction.traceId);
    row.time(transaction.createdAt);
    row.time(transaction.postedAt);
    row.time(transaction.effectiveAt);
  });
}

function entryRows({ transactions }: BatchWrites): Buffer {
  const entries = transactions.flatMap(({ id, postedAt, entries }) =>
    entries.map((entry) => ({ entry, id, postedAt })),
  );
  return rowArray(entries, (row, { entry, id, postedAt }) => {
    row.uuid(entry.account);
    row.bigint(entry.version);
    row.uuid(id);
    row.bigint(entry.amount);
    row.bigint(entry.balanceAfter);
    row.text(entry.currency);
    row.time(postedAt);
  });
}

function answerRows({ answers }: BatchWrites): Buffer {
  // In the order of the keys, so that replicas given the same keys wait for each other instead of deadlocking.
  const sorted = answers.toSorted((a, b) => (a.caller < b.caller || (a.caller === b.caller && a.key < b.key) ? -1 : 1));
  return rowArray(sorted, (row, answer) => {
    row.text(answer.caller);
    row.text(answer.key);
    row.bytes(answer.fingerprint);
    row.smallint(answer.status);
    row.text(answer.body);
  });
}

/** Many events of one type go into one row, packed: fewer bytes to write, to log and to read again. */
function eventRows({ events }: BatchWrites): Buffer {
  return rowArray(packEvents(events), (row, parcel) => {
    const packed = 'zstd' in parcel ? parcel : undefined;
    const recorded = packed?.recorded ?? [];
    row.json('text' in parcel ? parcel.text : null);
    row.smallint(packed?.size ?? 1);
    row.text(packed?.type ?? null);
    row.text(packed?.zstd ?? null);
    row.json(recorded.length > 0 ? JSON.stringify(recorded) : null);
  });
}
