import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // Rewritten by every posting: room on each page keeps these updates off the index.
  await sql`create table balances (
    account_id uuid primary key,
    posted bigint not null,
    held bigint not null,
    version bigint not null,
    as_of timestamptz(3) not null
  ) with (fillfactor = 70)`.execute(db);
}
