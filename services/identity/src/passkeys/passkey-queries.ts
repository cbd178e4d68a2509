import { randomBytes } from 'node:crypto';
import type { Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { UserStatus } from '../users/user.ts';
import type { NewPasskey, Passkey, StoredPasskey } from './passkey.ts';

const columns = [
  'id',
  'name',
  'backed_up as backedUp',
  'created_at as createdAt',
  'last_used_at as lastUsedAt',
] as const;

/** A passkey as authenticators are told of it. */
export interface Credential {
  credentialId: Buffer;
  transports: string[];
}

/** One page of the user's passkeys, the newest first: those made before the passkey `before`. */
export async function listPasskeys(
  db: Kysely<Tables>,
  userId: string,
  place: { before?: string | undefined; limit: number },
): Promise<Passkey[]> {
  const query = db
    .selectFrom('passkeys')
    .select(columns)
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(place.limit);
  return await (place.before === undefined ? query : query.where('id', '<', place.before)).execute();
}

/** What authenticators are told of the user's passkeys. */
export async function listCredentials(db: Kysely<Tables>, userId: string): Promise<Credential[]> {
  return await db
    .selectFrom('passkeys')
    .select(['credential_id as credentialId', 'transports'])
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute();
}

/** What authenticators know the user by; made here where there is nothing yet. The user must be locked. */
export async function ensureUserHandle(tx: Transaction<Tables>, userId: string): Promise<Buffer> {
  const { handle } = await tx
    .insertInto('passkey_handles')
    .values({ user_id: userId, handle: randomBytes(32) })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ user_id: userId }))
    .returning('handle')
    .executeTakeFirstOrThrow();
  return handle;
}

/** Stores a passkey of the user; undefined, and nothing stored, when its credential is known already, whoever has it. */
export async function insertPasskey(
  tx: Transaction<Tables>,
  userId: string,
  { credentialId, publicKey, backedUp, ...same }: NewPasskey,
): Promise<Passkey | undefined> {
  return await tx
    .insertInto('passkeys')
    .values({
      ...same,
      user_id: userId,
      credential_id: credentialId,
      public_key: publicKey,
      backed_up: backedUp,
      last_used_at: null,
    })
    .onConflict((conflict) => conflict.column('credential_id').doNothing())
    .returning(columns)
    .executeTakeFirst();
}

/** Removes the user's passkey; false when he has none of that id. */
export async function deletePasskey(tx: Transaction<Tables>, userId: string, id: string): Promise<boolean> {
  const deleted = await tx
    .deleteFrom('passkeys')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return deleted !== undefined;
}

/** Whose passkey this is, or undefined when nobody knows the credential. */
export async function findPasskeyOwner(
  db: Kysely<Tables>,
  credentialId: Buffer,
): Promise<{ userId: string; email: string; status: UserStatus } | undefined> {
  return await db
    .selectFrom('passkeys')
    .innerJoin('users', 'users.id', 'passkeys.user_id')
    .select(['users.id as userId', 'users.email', 'users.status'])
    .where('credential_id', '=', credentialId)
    .executeTakeFirst();
}

/** The user's passkey with this credential, locked until the transaction ends. Lock the user first. */
export async function lockPasskey(
  tx: Transaction<Tables>,
  userId: string,
  credentialId: Buffer,
): Promise<StoredPasskey | undefined> {
  return await tx
    .selectFrom('passkeys')
    .innerJoin('passkey_handles', 'passkey_handles.user_id', 'passkeys.user_id')
    .select([
      'passkeys.id',
      'passkeys.public_key as publicKey',
      'passkeys.counter',
      'passkey_handles.handle as userHandle',
    ])
    .where('passkeys.user_id', '=', userId)
    .where('credential_id', '=', credentialId)
    .forUpdate('passkeys')
    .executeTakeFirst();
}

/** Records that a locked passkey was used, with what its authenticator said of it. */
export async function storePasskeyUse(
  tx: Transaction<Tables>,
  id: string,
  { counter, backedUp }: { counter: bigint; backedUp: boolean },
): Promise<void> {
  await tx
    .updateTable('passkeys')
    .set({ counter, backed_up: backedUp, last_used_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .execute();
}
