import { keyInboxByEvent } from '@florin/database';
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await keyInboxByEvent(db);
}
