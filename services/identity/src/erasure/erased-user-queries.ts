import type { Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { ErasedUser } from './erasure.ts';

const columns = ['id', 'created_at as createdAt', 'erased_at as erasedAt'] as const;

/** What is left of the person with this id. */
export async function findErasedUser(db: Kysely<Tables>, id: string): Promise<ErasedUser | undefined> {
  return await db.selectFrom('erased_users').select(columns).where('id', '=', id).executeTakeFirst();
}

/** One page of those who have been erased, the newest first: those registered before the user `before`. */
export async function listErasedUsers(
  db: Kysely<Tables>,
  place: { before?: string | undefined; limit: number },
): Promise<ErasedUser[]> {
  const query = db.selectFrom('erased_users').select(columns).orderBy('id', 'desc').limit(place.limit);
  return await (place.before === undefined ? query : query.where('id', '<', place.before)).execute();
}

/**
 * Keeps what gateways must know of the user's revoked sessions and keys, whose rows are about to go. `keyTokensLiveMs`
 * is how long tokens of a key may be about after its revocation.
 */
export async function keepRevocations(
  tx: Transaction<Tables>,
  userId: string,
  { keyTokensLiveMs, clockToleranceMs }: { keyTokensLiveMs: number; clockToleranceMs: number },
): Promise<void> {
  await sql`insert into erased_tokens (id, kind, revoked_at, expires_at)
    select id, kind, revoked_at, expires_at from (
      select id, 'session' as kind, revoked_at,
        access_expires_at + ${clockToleranceMs} * interval '1 millisecond' as expires_at
      from sessions where user_id = ${userId} and revoked_at is not null
      union all
      select id, 'api_key', revoked_at, revoked_at + ${keyTokensLiveMs} * interval '1 millisecond'
      from api_keys where user_id = ${userId} and revoked_at is not null
    ) as revoked
    where expires_at > now()`.execute(tx);
}

/** A token holder whose row is gone: a session or an API key. */
export interface ErasedToken {
  id: string;
  kind: 'session' | 'api_key';
  revokedAt: Date;
  expiresAt: Date;
}

/** Those whose tokens may still be about, the oldest revocation first; with `since`, those revoked from then on. */
export async function listErasedTokens(db: Kysely<Tables>, since: Date | undefined): Promise<ErasedToken[]> {
  const query = db
    .selectFrom('erased_tokens')
    .select(['id', 'kind', 'revoked_at as revokedAt', 'expires_at as expiresAt'])
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('revoked_at');
  return await (since === undefined ? query : query.where('revoked_at', '>=', since)).execute();
}

/**
 * Deletes the user and, by their foreign keys, all rows that belong to him, in tables made later too. An id is left:
 * what is written for it from now on finds no user.
 */
export async function replaceByTombstone(tx: Transaction<Tables>, userId: string): Promise<Date> {
  const { rows } = await sql<{ erasedAt: Date }>`
    with gone as (delete from users where id = ${userId} returning id, created_at)
    insert into erased_users (id, created_at, erased_at) select id, created_at, now() from gone
    returning erased_at as "erasedAt"`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error('A locked user has disappeared');
  return row.erasedAt;
}

/** Deletes what is kept under the address and not under the user: guesses, mails asked for by strangers. */
export async function forgetAddress(tx: Transaction<Tables>, email: string, guessKey: Buffer): Promise<void> {
  await sql`with guesses as (delete from login_guesses where email_hash = ${guessKey})
    delete from mails where address = ${email}`.execute(tx);
}

/** Deletes the answers kept for the person's retries. */
export async function forgetKeptAnswers(tx: Transaction<Tables>, callers: readonly string[]): Promise<void> {
  await tx
    .deleteFrom('idempotency_keys')
    .where('caller', 'in', [...callers])
    .execute();
}
