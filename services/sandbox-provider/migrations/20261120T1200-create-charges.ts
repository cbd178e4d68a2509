import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table charges (
    id text primary key,
    reference text not null unique,
    amount numeric(19, 0) not null check (amount > 0),
    currency text not null,
    source_type text not null,
    source_token text not null,
    outcome text not null check (outcome in ('succeeded', 'failed')),
    failure_code text,
    failure_message text,
    created_at timestamptz not null default now(),
    settles_at timestamptz not null,
    check ((outcome = 'failed') = (failure_code is not null))
  )`.execute(db);
  await sql`create table callbacks (
    id bigint generated always as identity primary key,
    charge_id text not null references charges (id),
    event_id text not null,
    event_type text not null,
    forged boolean not null,
    payload text not null,
    attempts integer not null default 0,
    due_at timestamptz not null,
    last_answer text,
    delivered_at timestamptz
  )`.execute(db);
  await sql`create index callbacks_due on callbacks (due_at) where delivered_at is null`.execute(db);
}
