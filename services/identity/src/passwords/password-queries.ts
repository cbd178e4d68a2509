import { planKeeper, type Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';

const keepFinding = planKeeper('find-password-hash');
const keepLocking = planKeeper('lock-password-owner');

/** The hash that the user's password is compared with. */
export async function findPasswordHash(db: Kysely<Tables>, userId: string): Promise<string | undefined> {
  const query = db.selectFrom('passwords').select('hash').where('user_id', '=', userId);
  const found = await query.$call(keepFinding).executeTakeFirst();
  return found?.hash;
}

/** Whether the user's password still has this hash; if so, it keeps it until the transaction ends. */
export async function isPasswordUnchanged(tx: Transaction<Tables>, userId: string, hash: string): Promise<boolean> {
  // Whoever changes a password locks its user first. The hash is read after the wait, by a statement of its own.
  await tx.selectFrom('users').select('id').where('id', '=', userId).forShare().$call(keepLocking).execute();
  return (await findPasswordHash(tx, userId)) === hash;
}

/** Gives a locked user another password. */
export async function storePasswordHash(tx: Transaction<Tables>, userId: string, hash: string): Promise<void> {
  await tx
    .updateTable('passwords')
    .set({ hash, changed_at: sql<Date>`clock_timestamp()` })
    .where('user_id', '=', userId)
    .execute();
}
