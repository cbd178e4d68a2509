import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // Wishes to be erased, until they are carried out: then the row goes with its user. `due_at` is null once refused.
  await sql`create table erasures (
    user_id uuid primary key references users (id) on delete cascade,
    attempt bigint not null check (attempt > 0),
    requested_by uuid not null,
    ip text,
    requested_at timestamptz not null,
    claimed boolean not null,
    due_at timestamptz
  )`.execute(db);
  await sql`create index erasures_due_at on erasures (due_at) where due_at is not null`.execute(db);
  // What is left of people: an id to which the ledger and the audit log refer.
  await sql`create table erased_users (
    id uuid primary key,
    created_at timestamptz not null,
    erased_at timestamptz not null
  )`.execute(db);
  // Sessions and API keys whose rows are gone while tokens of theirs may still be about.
  await sql`create table erased_tokens (
    id uuid primary key,
    kind text not null check (kind in ('session', 'api_key')),
    revoked_at timestamptz not null,
    expires_at timestamptz not null
  )`.execute(db);
  await sql`create index erased_tokens_expires_at on erased_tokens (expires_at)`.execute(db);
  // An export reads the entries about sessions and keys of one person. Only the job that chains entries writes here.
  await sql`create index audit_log_user on audit_log ((details ->> 'user'), sequence) where details ? 'user'`.execute(
    db,
  );
}
