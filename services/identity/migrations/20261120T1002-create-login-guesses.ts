import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table login_guesses (
    email_hash bytea primary key,
    failures integer not null default 0 check (failures >= 0),
    last_guess_at timestamptz not null,
    locked_until timestamptz,
    day_started_at timestamptz not null,
    day_guesses integer not null default 0 check (day_guesses >= 0)
  )`.execute(db);
  await sql`create index login_guesses_last_guess_at on login_guesses (last_guess_at)`.execute(db);
}
