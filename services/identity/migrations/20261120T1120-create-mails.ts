import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // A mail is for a user, or, while nobody has looked whose it is, for the address that somebody typed.
  await sql`create table mails (
    id uuid primary key,
    kind text not null check (kind in ('verify_email', 'reset_password', 'password_changed')),
    user_id uuid references users (id) on delete cascade,
    address text,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'dropped', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    check ((state = 'waiting') = (ended_at is null)),
    check (state <> 'waiting' or num_nonnulls(user_id, address) = 1)
  )`.execute(db);
  await sql`create index mails_due_at on mails (due_at) where state = 'waiting'`.execute(db);
  await sql`create index mails_user_id on mails (user_id, kind, created_at)`.execute(db);
  await sql`create index mails_ended_at on mails (ended_at) where ended_at is not null`.execute(db);
  // A token that was used is deleted.
  await sql`create table one_time_tokens (
    token_hash bytea primary key check (length(token_hash) = 32),
    purpose text not null check (purpose in ('verify_email', 'reset_password')),
    user_id uuid not null references users (id) on delete cascade,
    expires_at timestamptz not null
  )`.execute(db);
  await sql`create index one_time_tokens_user_id on one_time_tokens (user_id, purpose)`.execute(db);
  await sql`create index one_time_tokens_expires_at on one_time_tokens (expires_at)`.execute(db);
}
