import { type Kysely, sql } from 'kysely';

/** Lets a row be a payout: money that goes to the card or account instead of coming from it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table charges add column kind text not null default 'charge' check (kind in ('charge', 'payout'))`.execute(
    db,
  );
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table charges drop column kind`.execute(db);
}
