import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // last_step: the time step of the newest code that was accepted. No code of it or of one before is accepted again.
  await sql`create table second_factors (
    user_id uuid primary key references users (id) on delete cascade,
    secret bytea not null,
    created_at timestamptz not null,
    confirmed_at timestamptz,
    last_step bigint check (last_step >= 0)
  )`.execute(db);
  // A code that was used is deleted.
  await sql`create table recovery_codes (
    user_id uuid not null references second_factors (user_id) on delete cascade,
    code_hash bytea not null check (length(code_hash) = 32),
    primary key (user_id, code_hash)
  )`.execute(db);
}
