import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // Every row that the old rule let in passes the new one: not valid spares the scan under the table's lock.
  await sql`alter table sessions
    drop constraint sessions_revoked_for_check,
    add constraint sessions_revoked_for_check check (revoked_for in ('logout', 'ended_by_user', 'refresh_token_reuse',
      'user_disabled', 'role_removed', 'password_reset', 'password_changed')) not valid`.execute(db);
}
