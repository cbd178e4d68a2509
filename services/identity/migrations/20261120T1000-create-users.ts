import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table users (
    id uuid primary key,
    email text not null constraint users_email_unique unique check (email = lower(email)),
    name text not null,
    locale text not null,
    roles text[] not null check (cardinality(roles) > 0 and roles <@ array['customer', 'operator', 'auditor', 'admin']),
    status text not null check (status in ('active', 'disabled')),
    email_verified_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
  )`.execute(db);
  // The operators' list by status reads in id order, which is the order of registration.
  await sql`create index users_status_id on users (status, id)`.execute(db);
  // A table of its own: whoever reads a user never has the hash in hand by accident.
  await sql`create table passwords (
    user_id uuid primary key references users (id) on delete cascade,
    hash text not null,
    changed_at timestamptz not null
  )`.execute(db);
}
