import { type Kysely, sql } from 'kysely';
import { createIdempotencyKeys } from '../../idempotency.ts';
import { createInbox } from '../../inbox.ts';
import { createOutbox, packOutbox } from '../../outbox.ts';

/** A table of things, an append-only one, and what a service with events has. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table things (id bigint generated always as identity primary key, name text not null unique)`.execute(
    db,
  );
  await sql`create table entries (id bigint primary key, amount bigint not null, booked date, seen_at timestamptz)`.execute(
    db,
  );
  await sql`revoke update, delete on entries from database_sample`.execute(db);
  await createOutbox(db);
  await packOutbox(db);
  await createInbox(db);
  await createIdempotencyKeys(db);
}
