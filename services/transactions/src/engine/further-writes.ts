import { rowArray } from '@florin/database';
import type { BatchWrites } from './batch-decision.ts';
import { type InsertableTable, insertableTables } from './insertable-tables.ts';

const tables = Object.entries(insertableTables) as [InsertableTable, readonly string[]][];

// $1 to $5 belong to what every batch writes, $6 to $9 to payments, holds and limits.
const firstRowsParameter = 10;

/** What the full variant of the write statement does beyond the plain one, in its own parameters from $6 on. */
export const furtherWrites = `, changed_payments as (
    update payments as payment
    set status = new.status, provider_reference = coalesce(new.provider_reference, payment.provider_reference),
      failure_code = new.failure_code, failure_message = new.failure_message, updated_at = new.updated_at,
      next_attempt_at = case when new.status = 'pending' then payment.next_attempt_at end
    from unnest($6::payment_change[]) as new
    where payment.id = new.id
  ), new_holds as (
    insert into holds (id, purpose, account_id, to_account_id, amount, captured_amount, currency, status, description,
      initiated_by, trace_id, expires_at, created_at, updated_at)
    select * from unnest($7::new_hold[])
  ), changed_holds as (
    update holds as hold
    set status = new.status, captured_amount = new.captured_amount, updated_at = new.updated_at
    from unnest($8::hold_change[]) as new
    where hold.id = new.id
  ), counted_uses as (
    insert into limit_uses (account_id, period, used)
    select * from unnest($9::limit_use[])
    on conflict (account_id, period) do update set used = limit_uses.used + excluded.used
  )${tables.map(newRows).join('')}`;

function newRows([table, columns]: [InsertableTable, readonly string[]], index: number): string {
  const names = columns.join(', ');
  return `, new_rows_of_${table} as (
    insert into ${table} (${names})
    select ${names} from json_populate_recordset(null::${table}, $${firstRowsParameter + index}::json)
  )`;
}

/** Whether a batch needs the full variant. */
export function needsFurtherWrites({ payments, newHolds, changedHolds, limitUses, rows }: BatchWrites): boolean {
  return payments.length + newHolds.length + changedHolds.length + limitUses.length + rows.length > 0;
}

/** The parameters from $6 on; `now` stamps the payments. */
export function furtherRows(
  { payments, newHolds, changedHolds, limitUses, rows }: BatchWrites,
  now: Date,
): (Buffer | string)[] {
  return [
    paymentRows(payments, now),
    newHoldRows(newHolds),
    rowArray(changedHolds, (row, hold) => {
      row.uuid(hold.id);
      row.text(hold.status);
      row.bigint(hold.capturedAmount);
      row.time(hold.updatedAt);
    }),
    rowArray(limitUses, (row, use) => {
      row.uuid(use.accountId);
      row.text(use.period);
      row.bigint(use.amount);
    }),
    ...tables.map(([table]) => JSON.stringify(rows.filter((item) => item.table === table).map((item) => item.row))),
  ];
}

function newHoldRows(holds: BatchWrites['newHolds']): Buffer {
  return rowArray(holds, (row, hold) => {
    row.uuid(hold.id);
    row.text(hold.purpose);
    row.uuid(hold.accountId);
    row.uuid(hold.toAccountId);
    row.bigint(hold.amount);
    row.bigint(hold.capturedAmount);
    row.text(hold.currency);
    row.text(hold.status);
    row.text(hold.description);
    row.text(hold.initiatedBy);
    row.text(hold.traceId);
    row.time(hold.expiresAt);
    row.time(hold.createdAt);
    row.time(hold.updatedAt);
  });
}

function paymentRows(payments: BatchWrites['payments'], now: Date): Buffer {
  return rowArray(payments, (row, change) => {
    row.uuid(change.id);
    row.text(change.status);
    row.text(change.providerReference ?? null);
    row.text(change.failure?.code ?? null);
    row.text(change.failure?.message ?? null);
    row.time(now);
  });
}
