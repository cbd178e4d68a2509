import { type Kysely, sql } from 'kysely';

const quotes = sql`
  create table fx_quotes (
    id uuid primary key,
    owner_id uuid not null,
    sell text not null,
    buy text not null,
    side text not null check (side in ('sell', 'buy')),
    sell_amount bigint not null check (sell_amount > 0),
    buy_amount bigint not null check (buy_amount > 0),
    mid_rate text not null,
    rate text not null,
    spread_basis_points integer not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  )`;

// The primary key is what makes a quote good for one conversion only, whoever races for it.
const uses = sql`
  create table fx_quote_uses (
    quote_id uuid primary key,
    transaction_id uuid not null unique
  )`;

/** Takes from every role but the owner the right to change quotes, and to touch uses in any way but adding one. */
const appendOnly = sql`
  do $$
  declare reader text;
  begin
    for reader in
      select distinct grantee from information_schema.role_table_grants
      where table_schema = current_schema() and table_name = 'fx_quote_uses' and grantee not in (current_user, 'PUBLIC')
    loop
      execute format('revoke update, truncate on fx_quotes from %I', reader);
      execute format('revoke update, delete, truncate on fx_quote_uses from %I', reader);
    end loop;
  end
  $$`;

/** Creates the quotes for conversions, and which of them were used for what. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of [quotes, uses, appendOnly]) await table.execute(db);
  await sql`create index fx_quotes_expires_at on fx_quotes (expires_at)`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table fx_quote_uses`.execute(db);
  await sql`drop table fx_quotes`.execute(db);
}
