import { createIdempotencyKeys } from '@florin/database';
import { type Kysely, sql } from 'kysely';

/** For what is made in one transaction; an opening, which asks the ledger in between, has keys of its own. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createIdempotencyKeys(db);
}

/** For development only. */
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table idempotency_keys`.execute(db);
}
