import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table api_keys (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    name text not null,
    scopes text[] not null check (cardinality(scopes) > 0),
    prefix text not null,
    secret_hash bytea not null constraint api_keys_secret_hash_unique unique check (length(secret_hash) = 32),
    allowed_ips text[] check (cardinality(allowed_ips) > 0),
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
  )`.execute(db);
  await sql`create index api_keys_user_id on api_keys (user_id, id) where revoked_at is null`.execute(db);
  await sql`create index api_keys_revoked_at on api_keys (revoked_at) where revoked_at is not null`.execute(db);
}
