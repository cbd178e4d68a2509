import { type Kysely, sql } from 'kysely';

/** Takes from every role but the owner the right to change or remove what the audit log has recorded, or its head. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name in ('audit_log', 'audit_chain_head')
        and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, delete, truncate on audit_log from %I', reader);
      execute format('revoke insert, delete, truncate on audit_chain_head from %I', reader);
      execute format('revoke update on audit_pending from %I', reader);
    end loop;
  end
  $$`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table audit_log (
    sequence bigint primary key check (sequence > 0),
    id uuid not null constraint audit_log_id_unique unique,
    at timestamptz not null,
    actor text not null,
    action text not null,
    resource text not null,
    details jsonb not null,
    ip text,
    previous_hash bytea not null check (length(previous_hash) = 32),
    hash bytea not null check (length(hash) = 32)
  )`.execute(db);
  await sql`create index audit_log_actor on audit_log (actor, sequence)`.execute(db);
  await sql`create index audit_log_action on audit_log (action, sequence)`.execute(db);
  await sql`create index audit_log_resource on audit_log (resource, sequence)`.execute(db);
  await sql`create index audit_log_at on audit_log (at)`.execute(db);
  // Where the transaction of a change leaves its entry, without a lock; chained into audit_log a moment later.
  await sql`create table audit_pending (
    position bigint generated always as identity primary key,
    id uuid not null,
    at timestamptz not null,
    actor text not null,
    action text not null,
    resource text not null,
    details jsonb not null,
    ip text
  )`.execute(db);
  await sql`create table audit_chain_head (
    singleton boolean primary key default true check (singleton),
    sequence bigint not null check (sequence >= 0),
    hash bytea not null check (length(hash) = 32)
  )`.execute(db);
  await sql`insert into audit_chain_head (sequence, hash) values (0, decode(repeat('00', 32), 'hex'))`.execute(db);
  await appendOnly.execute(db);
}
