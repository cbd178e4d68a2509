import { planKeeper, prepare, type Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** A second factor as it is stored. */
export interface SecondFactor {
  sealed: Buffer;
  active: boolean;
  /** Time step of the newest code that was accepted. */
  lastStep: number | undefined;
}

const keepLocking = planKeeper('lock-second-factor');

/** The user's second factor, active or not, locked until the transaction ends. */
export async function lockSecondFactor(tx: Transaction<Tables>, userId: string): Promise<SecondFactor | undefined> {
  const row = await tx
    .selectFrom('second_factors')
    .select(['secret', 'confirmed_at', 'last_step'])
    .where('user_id', '=', userId)
    .forUpdate()
    .$call(keepLocking)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    sealed: row.secret,
    active: row.confirmed_at !== null,
    lastStep: row.last_step === null ? undefined : Number(row.last_step),
  };
}

/** What a user can add to his password. */
export type FactorMethod = 'totp' | 'passkey' | 'recovery_code';

const readFactorMethods = prepare<Record<FactorMethod, boolean>>(
  'list-factor-methods',
  `select exists (select from second_factors where user_id = $1 and confirmed_at is not null) as totp,
     exists (select from passkeys where user_id = $1) as passkey,
     exists (select from recovery_codes where user_id = $1) as recovery_code`,
);

/** What the user can add to his password, and then must; empty where no second factor is on. */
export async function listFactorMethods(db: Kysely<Tables>, userId: string): Promise<FactorMethod[]> {
  const [has] = await readFactorMethods(db, [userId]);
  // Recovery codes replace a factor; by themselves they are none.
  if (!has?.totp && !has?.passkey) return [];
  return (['totp', 'passkey', 'recovery_code'] as const).filter((method) => has[method]);
}

/** Stores a factor that waits for its confirmation in place of another such; false, and nothing done, when one is active. */
export async function putPendingFactor(tx: Transaction<Tables>, userId: string, sealed: Buffer): Promise<boolean> {
  const written = await tx
    .insertInto('second_factors')
    .values({ user_id: userId, secret: sealed, created_at: new Date(), confirmed_at: null, last_step: null })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ secret: sealed, created_at: new Date() })
        .where('second_factors.confirmed_at', 'is', null),
    )
    .returning('user_id')
    .executeTakeFirst();
  return written !== undefined;
}

/** Remembers that a code of this time step was used. */
export async function storeLastStep(tx: Transaction<Tables>, userId: string, step: number): Promise<void> {
  await tx
    .updateTable('second_factors')
    .set({ last_step: BigInt(step) })
    .where('user_id', '=', userId)
    .execute();
}

/** Makes the factor active. */
export async function activateFactor(tx: Transaction<Tables>, userId: string): Promise<void> {
  await tx.updateTable('second_factors').set({ confirmed_at: new Date() }).where('user_id', '=', userId).execute();
}

/** Gives the user these recovery codes, by their hashes, in place of all earlier ones. */
export async function replaceRecoveryCodes(
  tx: Transaction<Tables>,
  userId: string,
  codeHashes: Buffer[],
): Promise<void> {
  await tx.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
  const rows = codeHashes.map((code_hash) => ({ user_id: userId, code_hash }));
  await tx.insertInto('recovery_codes').values(rows).execute();
}

/** Uses up a recovery code; false when the user has no such code (any more). */
export async function takeRecoveryCode(tx: Transaction<Tables>, userId: string, codeHash: Buffer): Promise<boolean> {
  const taken = await tx
    .deleteFrom('recovery_codes')
    .where('user_id', '=', userId)
    .where('code_hash', '=', codeHash)
    .returning('user_id')
    .executeTakeFirst();
  return taken !== undefined;
}

/** Removes the factor. */
export async function deleteFactor(tx: Transaction<Tables>, userId: string): Promise<void> {
  await tx.deleteFrom('second_factors').where('user_id', '=', userId).execute();
}

/** Removes the recovery codes of a locked user who has nothing left that they replace. */
export async function dropIdleRecoveryCodes(tx: Transaction<Tables>, userId: string): Promise<void> {
  await sql`delete from recovery_codes where user_id = ${userId}
    and not exists (select from second_factors where user_id = ${userId} and confirmed_at is not null)
    and not exists (select from passkeys where user_id = ${userId})`.execute(tx);
}
