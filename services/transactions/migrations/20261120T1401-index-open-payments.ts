import { type Kysely, sql } from 'kysely';

/** Lists look for an account's payments that have not become a transaction: few among all it ever had. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index payments_open on payments (account_id, id) where status <> 'posted'`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index payments_open`.execute(db);
}
