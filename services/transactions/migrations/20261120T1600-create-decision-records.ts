import { type Kysely, sql } from 'kysely';

// At most one row for a transaction's request and one for its posting. Null: not in force.
const decisionRecords = sql`
  create table decision_records (
    transaction_id uuid not null,
    step text collate "C" not null check (step in ('request', 'posting')),
    posted bigint not null,
    held bigint not null,
    limit_per_transaction bigint,
    limit_daily bigint,
    limit_monthly bigint,
    used_today bigint,
    used_this_month bigint,
    approval_threshold bigint,
    fee_fixed bigint,
    fee_millionths bigint,
    fee_max bigint,
    primary key (transaction_id, step)
  )`;

/** Takes from every role but the owner the right to change or remove what was recorded. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name = 'decision_records'
        and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, delete, truncate on decision_records from %I', reader);
    end loop;
  end
  $$`;

/**
 * Creates the records of what decisions looked at. A transaction without one looked at nothing but what its entries tell;
 * those from before are marked, since of them nothing is known. A process of the version before that is still running
 * leaves no mark: until it has ended, what it posts looks as if no limit had been in force.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await decisionRecords.execute(db);
  await appendOnly.execute(db);
  // The constant default marks old rows without rewriting the table; new ones get null, which takes no room.
  await sql`alter table transactions add column decision_unrecorded boolean default true`.execute(db);
  await sql`alter table transactions alter column decision_unrecorded drop default`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table transactions drop column decision_unrecorded`.execute(db);
  await sql`drop table decision_records`.execute(db);
}
