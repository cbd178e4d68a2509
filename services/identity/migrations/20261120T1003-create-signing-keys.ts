import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table signing_keys (
    kid text primary key,
    private_key bytea not null,
    public_jwk jsonb not null,
    created_at timestamptz not null,
    not_before timestamptz not null,
    retired_at timestamptz
  )`.execute(db);
}
