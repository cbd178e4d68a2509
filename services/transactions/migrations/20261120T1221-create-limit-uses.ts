import { type Kysely, sql } from 'kysely';

/** Creates the limits of accounts, null where there is none, and what of them is used in each day and month, UTC. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table ledger_accounts
      add column limit_per_transaction bigint,
      add column limit_daily bigint,
      add column limit_monthly bigint`.execute(db);
  // A period is '2026-11-20' or '2026-11', compared byte by byte.
  await sql`
    create table limit_uses (
      account_id uuid not null,
      period text collate "C" not null,
      used bigint not null,
      primary key (account_id, period)
    )`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table limit_uses`.execute(db);
  await sql`
    alter table ledger_accounts
      drop column limit_per_transaction, drop column limit_daily, drop column limit_monthly`.execute(db);
}
