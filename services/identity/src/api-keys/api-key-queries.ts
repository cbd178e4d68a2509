import type { Role } from '@florin/auth';
import type { Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { ApiKey } from './api-key.ts';

const columns = [
  'id',
  'name',
  'scopes',
  'prefix',
  'allowed_ips as allowedIps',
  'created_at as createdAt',
  'expires_at as expiresAt',
  'last_used_at as lastUsedAt',
] as const;

/** A key that may be used now, and whose it is. */
export interface UsableKey extends Pick<ApiKey, 'id' | 'scopes' | 'allowedIps' | 'expiresAt'> {
  userId: string;
  roles: Role[];
}

/** A revoked key and when it was revoked. */
export interface RevokedKey {
  id: string;
  revokedAt: Date;
}

/** Stores a new key of the user. */
export async function insertApiKey(
  tx: Transaction<Tables>,
  userId: string,
  key: ApiKey & { secretHash: Buffer },
): Promise<void> {
  const { id, name, scopes, prefix } = key;
  await tx
    .insertInto('api_keys')
    .values({
      ...{ id, name, scopes, prefix },
      user_id: userId,
      secret_hash: key.secretHash,
      allowed_ips: key.allowedIps,
      created_at: key.createdAt,
      expires_at: key.expiresAt,
      last_used_at: key.lastUsedAt,
      revoked_at: null,
    })
    .execute();
}

/** One page of the user's keys that are not revoked, the newest first: those made before the key `before`. */
export async function listApiKeys(
  db: Kysely<Tables>,
  userId: string,
  place: { before?: string | undefined; limit: number },
): Promise<ApiKey[]> {
  const query = db
    .selectFrom('api_keys')
    .select(columns)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(place.limit);
  return await (place.before === undefined ? query : query.where('id', '<', place.before)).execute();
}

/** The key with this hash, if it is neither revoked nor expired and its user is active. */
export async function findUsableKey(db: Kysely<Tables>, secretHash: Buffer): Promise<UsableKey | undefined> {
  return await db
    .selectFrom('api_keys')
    .innerJoin('users', 'users.id', 'api_keys.user_id')
    .select([
      'api_keys.id',
      'api_keys.user_id as userId',
      'api_keys.scopes',
      'api_keys.allowed_ips as allowedIps',
      'api_keys.expires_at as expiresAt',
      'users.roles',
    ])
    .where('api_keys.secret_hash', '=', secretHash)
    .where('api_keys.revoked_at', 'is', null)
    .where((all) => all.or([all('api_keys.expires_at', 'is', null), all('api_keys.expires_at', '>', sql<Date>`now()`)]))
    .where('users.status', '=', 'active')
    .executeTakeFirst();
}

/** Whether the user's key may be used at this moment. */
export async function isApiKeyLive(db: Kysely<Tables>, userId: string, keyId: string): Promise<boolean> {
  const found = await db
    .selectFrom('api_keys')
    .select('id')
    .where('id', '=', keyId)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where((all) => all.or([all('expires_at', 'is', null), all('expires_at', '>', sql<Date>`now()`)]))
    .executeTakeFirst();
  return found !== undefined;
}

/** Remembers that the key was used, once a minute at most: a busy key shall not cost a write each time. */
export async function touchApiKey(db: Kysely<Tables>, keyId: string): Promise<void> {
  await sql`update api_keys set last_used_at = now()
    where id = ${keyId} and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(db);
}

/** Revokes keys of the user that are not revoked, one or all; returns those it revoked. */
export async function markRevoked(
  tx: Transaction<Tables>,
  whose: { userId: string; keyId?: string },
): Promise<RevokedKey[]> {
  let update = tx
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`statement_timestamp()` })
    .where('user_id', '=', whose.userId)
    .where('revoked_at', 'is', null);
  if (whose.keyId !== undefined) update = update.where('id', '=', whose.keyId);
  return await update.returning(['id', 'revoked_at as revokedAt']).$narrowType<{ revokedAt: Date }>().execute();
}

/** Whether the user has that key, revoked or not. */
export async function hasApiKey(db: Kysely<Tables>, userId: string, keyId: string): Promise<boolean> {
  const query = db.selectFrom('api_keys').select('id').where('id', '=', keyId).where('user_id', '=', userId);
  return (await query.executeTakeFirst()) !== undefined;
}

/** Keys revoked since then, the oldest first. */
export async function listRevokedKeys(db: Kysely<Tables>, since: Date): Promise<RevokedKey[]> {
  return await db
    .selectFrom('api_keys')
    .select(['id', 'revoked_at as revokedAt'])
    .where('revoked_at', '>=', since)
    .orderBy('revoked_at')
    .$narrowType<{ revokedAt: Date }>()
    .execute();
}
