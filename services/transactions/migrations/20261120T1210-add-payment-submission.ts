import { type Kysely, sql } from 'kysely';

/** Adds when the provider took the order. Until then `next_attempt_at` is the next try to submit it, after that the next question about it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table payments add column submitted_at timestamptz`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table payments drop column submitted_at`.execute(db);
}
