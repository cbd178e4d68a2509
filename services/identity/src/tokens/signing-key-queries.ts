import { type Database, inTransaction } from '@florin/database';
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
    .execute();
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
    await sql`select pg_advisory_xact_lock(hashtext(${lockName}))`.execute(tx);
    const keys = await readSigningKeys(tx);
    const now = new Date();
    if (!keys.some((key) => key.notBefore <= now)) await addSigningKey(tx, sealingKey, now);
  });
}
