import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table notifications (
    id uuid primary key,
    event_id text not null,
    user_id uuid not null,
    topic text not null,
    title text not null,
    body text not null,
    data jsonb not null,
    created_at timestamptz(3) not null,
    read_at timestamptz(3),
    constraint notifications_once unique (event_id, user_id)
  )`.execute(db);
  await sql`create index notifications_of_user on notifications (user_id, id desc)`.execute(db);
  await sql`create index notifications_unread on notifications (user_id, id desc) where read_at is null`.execute(db);
  await sql`create index notifications_created_at on notifications (created_at)`.execute(db);
}
