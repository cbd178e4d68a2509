import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table signing_keys alter column private_key drop not null`.execute(db);
  await sql`update signing_keys set private_key = null where retired_at is not null`.execute(db);
  // A retired key must never sign again, whoever reads the table. The table has a few rows: checking them takes no time.
  await sql`alter table signing_keys add constraint signing_keys_retired_check
    check ((retired_at is null) = (private_key is not null)) not valid`.execute(db);
  await sql`alter table signing_keys validate constraint signing_keys_retired_check`.execute(db);
}
