import { type Kysely, sql } from 'kysely';

const ledgerSeals = sql`
  create table ledger_seals (
    number bigint primary key check (number > 0),
    previous bytea not null,
    root bytea not null,
    size integer not null check (size > 0),
    last_xid xid8 not null,
    last_transaction_id uuid not null,
    members uuid[] not null,
    leaves bytea not null,
    sealed_at timestamptz not null,
    hash bytea not null,
    key text not null,
    signature bytea not null,
    constraint ledger_seals_members check (cardinality(members) = size and length(leaves) = size * 32)
  )`;

/** Takes from every role but the owner the right to change or remove a seal. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name = 'ledger_seals' and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, delete, truncate on ledger_seals from %I', reader);
    end loop;
  end
  $$`;

/**
 * Creates the seals, and notes with each transaction the database transaction that wrote it: the one order in which
 * nothing can turn up later in a place already passed. Rows from before get 0, which is before all.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // The constant default fills old rows without rewriting the table; the one for new rows comes after.
  await sql`alter table transactions add column xid xid8 not null default '0'`.execute(db);
  await sql`alter table transactions alter column xid set default pg_current_xact_id()`.execute(db);
  await sql`create index transactions_order on transactions (xid, id)`.execute(db);
  await ledgerSeals.execute(db);
  await appendOnly.execute(db);
  await sql`create unique index ledger_seals_order on ledger_seals (last_xid, last_transaction_id)`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table ledger_seals`.execute(db);
  await sql`alter table transactions drop column xid`.execute(db);
}
