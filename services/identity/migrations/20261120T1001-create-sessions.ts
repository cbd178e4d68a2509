import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    refresh_seed bytea not null check (length(refresh_seed) = 32),
    generation integer not null default 1 check (generation > 0),
    rotated_at timestamptz not null,
    last_used_at timestamptz not null,
    retried boolean not null default false,
    user_agent text,
    created_at timestamptz not null,
    access_expires_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_for text check (revoked_for in ('logout', 'ended_by_user', 'refresh_token_reuse', 'user_disabled', 'role_removed')),
    check ((revoked_at is null) = (revoked_for is null))
  )`.execute(db);
  await sql`create index sessions_user_id on sessions (user_id, id)`.execute(db);
  await sql`create index sessions_expires_at on sessions (expires_at)`.execute(db);
  await sql`create index sessions_revoked on sessions (access_expires_at) where revoked_at is not null`.execute(db);
}
