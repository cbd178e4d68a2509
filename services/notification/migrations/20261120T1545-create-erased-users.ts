import { type Kysely, sql } from 'kysely';

/** Adds the people who have been erased: nothing that is told of them later may come to stay. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table erased_users (
    user_id uuid primary key,
    erased_at timestamptz(3) not null
  )`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table erased_users`.execute(db);
}
