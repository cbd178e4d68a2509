import { type Kysely, sql } from 'kysely';

/** A balance as consumers of the ledger's events write it, many as one array. A type that has to change gets a successor. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create type reported_balance as (
    account_id uuid, posted bigint, held bigint, version bigint, held_version bigint, as_of timestamptz
  )`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop type reported_balance`.execute(db);
}
