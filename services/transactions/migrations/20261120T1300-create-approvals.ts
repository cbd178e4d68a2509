import { type Kysely, sql } from 'kysely';

// Neither is ever changed: whether a transfer still waits is what its hold says, which has the same id.
const pendingTransfers = sql`
  create table pending_transfers (
    id uuid primary key,
    from_account_id uuid not null,
    to_account_id uuid not null,
    owner_id uuid not null,
    amount bigint not null check (amount > 0),
    fee bigint not null check (fee >= 0),
    currency text not null,
    description text,
    metadata jsonb not null,
    initiated_by text not null,
    trace_id text,
    created_at timestamptz not null
  )`;

const approvalDecisions = sql`
  create table approval_decisions (
    id uuid primary key,
    outcome text not null check (outcome in ('approved', 'rejected')),
    decided_by text not null,
    reason text,
    decided_at timestamptz not null
  )`;

/** Takes from every role but the owner the right to change or remove what was wished and decided. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name in ('pending_transfers', 'approval_decisions')
        and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, delete, truncate on pending_transfers, approval_decisions from %I', reader);
    end loop;
  end
  $$`;

/** Creates the transfers that wait for an operator, and what operators decided about them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await pendingTransfers.execute(db);
  await approvalDecisions.execute(db);
  await appendOnly.execute(db);
  await sql`create index pending_transfers_from on pending_transfers (from_account_id, id)`.execute(db);
  await sql`create index holds_waiting on holds (id) where status = 'active' and purpose = 'approval'`.execute(db);
  // Approved ones are posted under an old id: the checker looks for them by time.
  await sql`create index approval_decisions_approved on approval_decisions (decided_at) where outcome = 'approved'`.execute(
    db,
  );
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table approval_decisions, pending_transfers`.execute(db);
  await sql`drop index holds_waiting`.execute(db);
}
