import { bigintColumn, type Column, textColumn, timeColumn, uuidColumn } from '@florin/database';
import type { BatchWrites } from './batch-decision.ts';
import { type InsertableTable, insertableTables } from './insertable-tables.ts';

const tables = Object.entries(insertableTables) as [InsertableTable, readonly string[]][];

// $1 to $42 belong to what every batch writes.
const firstRowsParameter = 66;

/** What the full variant of the write statement does beyond the plain one, in its own parameters from $43 on. */
export const furtherWrites = {
  /** In place of the plain variant's: a row may be updated only once in a statement. */
  changedAccounts: `
    update ledger_accounts as account
    set posted = new.posted, version = new.version, last_entry_at = new.last_entry_at, held = new.held,
      held_version = new.held_version
    from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $43::bigint[], $44::bigint[])
      as new (id, posted, version, last_entry_at, held, held_version)
    where account.id = new.id`,
  others: `, new_holds as (
    insert into holds (id, purpose, account_id, to_account_id, amount, captured_amount, currency, status, description,
      initiated_by, trace_id, expires_at, created_at, updated_at)
    select * from unnest($45::uuid[], $46::text[], $47::uuid[], $48::uuid[], $49::bigint[], $50::bigint[], $51::text[],
      $52::text[], $53::text[], $54::text[], $55::text[], $56::timestamptz[], $57::timestamptz[], $58::timestamptz[])
  ), changed_holds as (
    update holds as hold
    set status = new.status, captured_amount = new.captured_amount, updated_at = new.updated_at
    from unnest($59::uuid[], $60::text[], $61::bigint[], $62::timestamptz[])
      as new (id, status, captured_amount, updated_at)
    where hold.id = new.id
  ), counted_uses as (
    insert into limit_uses (account_id, period, used)
    select * from unnest($63::uuid[], $64::text[], $65::bigint[])
    on conflict (account_id, period) do update set used = limit_uses.used + excluded.used
  )${tables.map(newRows).join('')}`,
};

function newRows([table, columns]: [InsertableTable, readonly string[]], index: number): string {
  const names = columns.join(', ');
  return `, new_rows_of_${table} as (
    insert into ${table} (${names})
    select ${names} from json_populate_recordset(null::${table}, $${firstRowsParameter + index}::json)
  )`;
}

/** Whether a batch needs the full variant. */
export function needsFurtherWrites({ newHolds, changedHolds, limitUses, rows }: BatchWrites): boolean {
  return newHolds.length + changedHolds.length + limitUses.length + rows.length > 0;
}

/** The parameters from $43 on. */
export function furtherColumns({
  accounts,
  newHolds,
  changedHolds,
  limitUses,
  rows,
}: BatchWrites): (Column | string)[] {
  return [
    bigintColumn(accounts.map((account) => account.held)),
    bigintColumn(accounts.map((account) => account.heldVersion)),
    ...newHoldColumns(newHolds),
    uuidColumn(changedHolds.map((hold) => hold.id)),
    textColumn(changedHolds.map((hold) => hold.status)),
    bigintColumn(changedHolds.map((hold) => hold.capturedAmount)),
    timeColumn(changedHolds.map((hold) => hold.updatedAt)),
    uuidColumn(limitUses.map((use) => use.accountId)),
    textColumn(limitUses.map((use) => use.period)),
    bigintColumn(limitUses.map((use) => use.amount)),
    ...tables.map(([table]) => JSON.stringify(rows.filter((item) => item.table === table).map((item) => item.row))),
  ];
}

function newHoldColumns(holds: BatchWrites['newHolds']): Column[] {
  return [
    uuidColumn(holds.map((hold) => hold.id)),
    textColumn(holds.map((hold) => hold.purpose)),
    uuidColumn(holds.map((hold) => hold.accountId)),
    uuidColumn(holds.map((hold) => hold.toAccountId)),
    bigintColumn(holds.map((hold) => hold.amount)),
    bigintColumn(holds.map((hold) => hold.capturedAmount)),
    textColumn(holds.map((hold) => hold.currency)),
    textColumn(holds.map((hold) => hold.status)),
    textColumn(holds.map((hold) => hold.description)),
    textColumn(holds.map((hold) => hold.initiatedBy)),
    textColumn(holds.map((hold) => hold.traceId)),
    timeColumn(holds.map((hold) => hold.expiresAt)),
    timeColumn(holds.map((hold) => hold.createdAt)),
    timeColumn(holds.map((hold) => hold.updatedAt)),
  ];
}
