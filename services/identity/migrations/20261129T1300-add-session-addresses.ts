import { type Kysely, sql } from 'kysely';

/** Adds the address of a session's login or latest refresh; unknown for sessions from before. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions add column ip text`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions drop column ip`.execute(db);
}
