import { type Kysely, sql } from 'kysely';

/** A notice as consumers of events write it, many as one array. A type that has to change gets a successor. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create type new_notice as (user_id uuid, id uuid, topic text, title text, body text, data jsonb)`.execute(
    db,
  );
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop type new_notice`.execute(db);
}
