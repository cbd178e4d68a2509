import { type Kysely, sql } from 'kysely';

/**
 * Half of each page of accounts is left free, in pages that are filled from now on. The server looks through a whole page for
 * old versions of rows whenever one has changed: with fewer rows in it that is less work, and there is always room for the new one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table ledger_accounts set (fillfactor = 50)`.execute(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table ledger_accounts set (fillfactor = 70)`.execute(db);
}
