import { createInbox, createOutbox, packOutbox } from '@florin/database';
import { type Kysely, sql } from 'kysely';

/** What a service with events has, a table that counts effects, and one that refuses repeats. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutbox(db);
  await packOutbox(db);
  await createInbox(db);
  await sql`create table effects (position bigint generated always as identity primary key, event_id text not null)`.execute(
    db,
  );
  await sql`create table shown (event_id text primary key)`.execute(db);
}
