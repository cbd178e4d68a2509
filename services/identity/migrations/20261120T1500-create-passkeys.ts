import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // What authenticators know a user by: random, so that it tells nothing of him.
  await sql`create table passkey_handles (
    user_id uuid primary key references users (id) on delete cascade,
    handle bytea not null constraint passkey_handles_handle_unique unique check (length(handle) = 32)
  )`.execute(db);
  await sql`create table passkeys (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    name text not null,
    credential_id bytea not null constraint passkeys_credential_id_unique unique
      check (length(credential_id) between 16 and 1023),
    public_key bytea not null,
    counter bigint not null check (counter >= 0),
    transports text[] not null,
    backed_up boolean not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz
  )`.execute(db);
  await sql`create index passkeys_user_id on passkeys (user_id, id)`.execute(db);
  // A challenge that was answered is deleted. One for a login is nobody's; the others are of a session.
  await sql`create table passkey_challenges (
    challenge_hash bytea primary key check (length(challenge_hash) = 32),
    purpose text not null check (purpose in ('log_in', 'register', 'step_up')),
    session_id uuid references sessions (id) on delete cascade,
    expires_at timestamptz not null,
    check ((purpose = 'log_in') = (session_id is null))
  )`.execute(db);
  await sql`create index passkey_challenges_expires_at on passkey_challenges (expires_at)`.execute(db);
  await sql`create index passkey_challenges_session_id on passkey_challenges (session_id)`.execute(db);
}
