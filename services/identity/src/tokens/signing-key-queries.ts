import { type Database, inTransaction, type Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { makeSigningKey, type PublicKey } from './signing-key.ts';

/** A signing key as it is stored. */
export interface StoredKey {
  kid: string;
  sealed: Buffer;
  publicKey: PublicKey;
  notBefore: Date;
}

const lockName = 'identity.signing_keys';

/** Keys that are not retired, the one that signs latest first. */
export async function readSigningKeys(db: Kysely<Tables>): Promise<StoredKey[]> {
  return await db
    .selectFrom('signing_keys')
    .select(['kid', 'private_key as sealed', 'public_jwk as publicKey', 'not_before as notBefore'])
    .where('retired_at', 'is', null)
    .orderBy('not_before', 'desc')
    .orderBy('kid')
    .$narrowType<{ sealed: Buffer }>()
    .execute();
}

/** Retires keys for good: their private halves are deleted. */
export async function retireSigningKeys(db: Kysely<Tables>, kids: readonly string[]): Promise<void> {
  if (kids.length === 0) return;
  await db
    .updateTable('signing_keys')
    .set({ retired_at: sql`clock_timestamp()`, private_key: null })
    .where('kid', 'in', kids)
    .where('retired_at', 'is', null)
    .execute();
}

/** Lets one transaction at a time change which keys there are. */
export async function lockSigningKeys(tx: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext(${lockName}))`.execute(tx);
}

/** As lockSigningKeys, without waiting; false where another transaction has the lock. */
export async function tryLockSigningKeys(tx: Transaction<Tables>): Promise<boolean> {
  const { rows } = await sql<{
    locked: boolean;
  }>`select pg_try_advisory_xact_lock(hashtext(${lockName})) as locked`.execute(tx);
  return rows[0]?.locked === true;
}

/** Adds a key that is published from now on and signs from `notBefore`. Returns its kid. */
export async function addSigningKey(db: Kysely<Tables>, sealingKey: Buffer, notBefore: Date): Promise<string> {
  const { publicKey, sealed } = makeSigningKey(sealingKey);
  await db
    .insertInto('signing_keys')
    .values({
      kid: publicKey.kid,
      private_key: sealed,
      public_jwk: JSON.stringify(publicKey),
      created_at: new Date(),
      not_before: notBefore,
      retired_at: null,
    })
    .execute();
  return publicKey.kid;
}

/** Makes the first key of an installation; of processes that start together one makes it. */
export async function ensureSigningKey(db: Database<Tables>, sealingKey: Buffer): Promise<void> {
  await inTransaction(db, async (tx) => {
    await lockSigningKeys(tx);
    const keys = await readSigningKeys(tx);
    const now = new Date();
    if (!keys.some((key) => key.notBefore <= now)) await addSigningKey(tx, sealingKey, now);
  });
}
