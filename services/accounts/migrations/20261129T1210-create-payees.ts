import { type Kysely, sql } from 'kysely';

/** Adds the payees: account numbers that an owner has named to pay to. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table payees (
    id uuid primary key,
    owner uuid not null,
    name text not null,
    account_number text not null,
    created_at timestamptz(3) not null,
    constraint payees_account_number_key unique (owner, account_number)
  )`.execute(db);
  await sql`create index payees_of_owner on payees (owner, id desc)`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table payees`.execute(db);
}
