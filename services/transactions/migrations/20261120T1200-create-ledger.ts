import { createIdempotencyKeys, createInbox, createOutbox } from '@florin/database';
import { type Kysely, sql } from 'kysely';

const ledgerAccounts = sql`
  create table ledger_accounts (
    id uuid primary key,
    owner_id uuid,
    class text not null check (class in ('asset', 'liability', 'income', 'expense', 'equity')),
    name text,
    currency text not null,
    status text not null check (status in ('active', 'frozen', 'closed')),
    status_version integer not null,
    account_number text unique,
    posted bigint not null default 0,
    held bigint not null default 0 check (held >= 0),
    version bigint not null default 0,
    floor bigint,
    last_entry_at timestamptz,
    created_at timestamptz not null,
    constraint ledger_accounts_floor check (floor is null or posted - held >= floor)
  ) with (fillfactor = 70)`;

// No foreign keys among the ledger's tables: the posting engine writes a transaction and its entries in one statement,
// and a key check for each row would cost a third of the throughput. The checker looks for orphans instead.
const transactions = sql`
  create table transactions (
    id uuid primary key,
    type text not null,
    amount bigint not null check (amount > 0),
    currency text not null,
    debit_account_id uuid not null,
    credit_account_id uuid not null,
    description text,
    metadata jsonb not null,
    reversal_of uuid,
    hold_id uuid,
    initiated_by text not null,
    trace_id text,
    created_at timestamptz not null,
    posted_at timestamptz not null,
    effective_at timestamptz not null
  )`;

const entries = sql`
  create table entries (
    account_id uuid not null,
    version bigint not null,
    transaction_id uuid not null,
    amount bigint not null check (amount <> 0),
    balance_after bigint not null,
    currency text not null,
    created_at timestamptz not null,
    primary key (account_id, version)
  )`;

const payments = sql`
  create table payments (
    id uuid primary key,
    type text not null check (type in ('deposit', 'withdrawal')),
    account_id uuid not null,
    owner_id uuid not null,
    amount bigint not null check (amount > 0),
    currency text not null,
    status text not null check (status in ('pending', 'posted', 'failed')),
    provider text not null,
    provider_reference text,
    source jsonb not null,
    failure_code text,
    failure_message text,
    description text,
    metadata jsonb not null,
    initiated_by text not null,
    trace_id text,
    attempts integer not null default 0,
    next_attempt_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
  )`;

/** Takes from every role but the owner the right to change or remove what the ledger has recorded. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name in ('transactions', 'entries')
        and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, delete, truncate on transactions, entries from %I', reader);
    end loop;
  end
  $$`;

/** Creates the ledger (accounts, transactions, entries), the payments and the tables of idempotency and messaging. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of [ledgerAccounts, transactions, entries, payments, appendOnly]) await table.execute(db);
  await sql`create index ledger_accounts_owner on ledger_accounts (owner_id) where owner_id is not null`.execute(db);
  await sql`create index transactions_debit_account on transactions (debit_account_id, id)`.execute(db);
  await sql`create index transactions_credit_account on transactions (credit_account_id, id)`.execute(db);
  await sql`create index entries_transaction on entries (transaction_id)`.execute(db);
  await sql`create index payments_account on payments (account_id, id)`.execute(db);
  await sql`create index payments_due on payments (next_attempt_at) where status = 'pending'`.execute(db);
  await sql`
    create unique index payments_provider_reference on payments (provider, provider_reference)
    where provider_reference is not null`.execute(db);
  await sql`create index payments_posted on payments (updated_at) where status = 'posted'`.execute(db);
  await createIdempotencyKeys(db);
  // Compared byte by byte: keys are ASCII, and a language's order would cost a comparison of every posting its time.
  await sql`alter table idempotency_keys alter column caller type text collate "C",
    alter column key type text collate "C"`.execute(db);
  // Answers about posted money are kept for ever, so nothing here looks for old keys.
  await sql`drop index idempotency_keys_created_at`.execute(db);
  await createOutbox(db);
  await createInbox(db);
}
