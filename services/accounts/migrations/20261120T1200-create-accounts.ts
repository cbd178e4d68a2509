import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table accounts (
    id uuid primary key,
    owner uuid not null,
    name text not null,
    type text not null check (type in ('checking', 'savings', 'goal')),
    currency text not null,
    status text not null check (status in ('pending', 'active', 'frozen', 'closing', 'closed')),
    version integer not null check (version >= 1),
    account_number text not null constraint accounts_account_number_key unique,
    goal_amount bigint check (goal_amount > 0),
    goal_due_date date,
    ledger_due_at timestamptz,
    created_at timestamptz(3) not null,
    constraint accounts_goal_check check (
      case when type = 'goal' then goal_due_date is null or goal_amount is not null
      else goal_amount is null and goal_due_date is null end
    )
  )`.execute(db);
  await sql`create index accounts_of_owner on accounts (owner, id desc)`.execute(db);
  await sql`create index accounts_ledger_due on accounts (ledger_due_at) where ledger_due_at is not null`.execute(db);

  await sql`create table status_changes (
    account_id uuid not null references accounts,
    version integer not null,
    status text not null,
    actor uuid,
    reason text,
    changed_at timestamptz(3) not null,
    primary key (account_id, version)
  )`.execute(db);

  // The key is taken before the account is written, so that a second request with the same key waits for the first.
  await sql`create table account_openings (
    owner uuid not null,
    key text not null,
    fingerprint bytea not null,
    account_id uuid not null references accounts deferrable initially deferred,
    answer text,
    primary key (owner, key)
  )`.execute(db);
}
