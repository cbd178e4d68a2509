import { type Kysely, sql } from 'kysely';

// An account's held is the sum of its active holds' amounts: the posting engine keeps it so, the checker looks.
const holds = sql`
  create table holds (
    id uuid primary key,
    purpose text not null check (purpose in ('authorization', 'withdrawal', 'approval')),
    account_id uuid not null,
    to_account_id uuid,
    amount bigint not null check (amount > 0),
    captured_amount bigint not null check (captured_amount between 0 and amount),
    currency text not null,
    status text not null check (status in ('active', 'captured', 'voided', 'expired')),
    description text,
    initiated_by text not null,
    trace_id text,
    expires_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint holds_captured check ((status = 'captured') = (captured_amount > 0))
  )`;

/** Creates the holds, the counter that orders changes of an account's held, and the way from a transaction to its reversals. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await holds.execute(db);
  await sql`create index holds_account on holds (account_id, id)`.execute(db);
  await sql`create index holds_to_account on holds (to_account_id, id) where to_account_id is not null`.execute(db);
  await sql`create index holds_due on holds (expires_at) where status = 'active'`.execute(db);
  await sql`alter table ledger_accounts add column held_version bigint not null default 0`.execute(db);
  await sql`create index transactions_reversal_of on transactions (reversal_of) where reversal_of is not null`.execute(
    db,
  );
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index transactions_reversal_of`.execute(db);
  await sql`alter table ledger_accounts drop column held_version`.execute(db);
  await sql`drop table holds`.execute(db);
}
