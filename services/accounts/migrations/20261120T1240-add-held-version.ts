import { type Kysely, sql } from 'kysely';

/** What is held changes without an entry too: the newest of the reports about it is told by a counter of its own. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table balances add column held_version bigint not null default 0`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table balances drop column held_version`.execute(db);
}
