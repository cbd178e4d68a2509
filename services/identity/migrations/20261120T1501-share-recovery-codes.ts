import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // Recovery codes stand in for passkeys too, so they are the user's and no longer those of an authenticator app. Every
  // row that the old rule let in passes the new one: not valid spares the scan under the table's lock.
  await sql`alter table recovery_codes
    drop constraint recovery_codes_user_id_fkey,
    add constraint recovery_codes_user_id_fkey foreign key (user_id) references users (id)
      on delete cascade not valid`.execute(db);
}
