import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // Null, and the default, are for sessions of before and for those that an older process begins: proven at their login,
  // of which a password was part.
  await sql`alter table sessions
    add column proven_at timestamptz,
    add column proven_by text[] not null default '{pwd}'
      check (proven_by <@ array['pwd', 'otp', 'webauthn'])`.execute(db);
}
