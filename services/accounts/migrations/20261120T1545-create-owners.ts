import { type Kysely, sql } from 'kysely';

/**
 * Adds the owners: a row from the first opening, or the first wish to end the relation. Its lock orders the two.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table owners (
    owner uuid primary key,
    attempt bigint not null default 0 check (attempt >= 0),
    closed_at timestamptz,
    erased_at timestamptz,
    check (erased_at is null or closed_at is not null)
  )`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table owners`.execute(db);
}
