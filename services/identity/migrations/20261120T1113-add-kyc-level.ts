import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table users add column kyc_level text not null default 'none'
    constraint users_kyc_level_check check (kyc_level in ('none', 'basic', 'full'))`.execute(db);
}
