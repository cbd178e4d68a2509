import type { Role } from '@florin/auth';
import type { Transaction } from '@florin/database';
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { SessionState } from './refresh-decision.ts';
import type { Proof } from './session.ts';

/** A session with what a refresh must know. */
export interface LockedSession extends SessionState {
  id: string;
  userId: string;
  seed: Buffer;
  roles: Role[];
  proof: Proof;
}

/** A session as its user sees it. */
export interface ListedSession {
  id: string;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  userAgent: string | null;
  /** The client's address at the login or the latest refresh; null for sessions from before it was kept. */
  ip: string | null;
}

/** A revoked session whose access tokens may still be about. */
export interface Revocation {
  sessionId: string;
  revokedAt: Date;
  accessExpiresAt: Date;
}

/** The session, locked until the transaction ends. */
export async function lockSession(tx: Transaction<Tables>, id: string): Promise<LockedSession | undefined> {
  const found = await tx
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select([
      'sessions.id',
      'sessions.user_id as userId',
      'sessions.refresh_seed as seed',
      'sessions.generation',
      'sessions.rotated_at as rotatedAt',
      'sessions.last_used_at as lastUsedAt',
      'sessions.retried',
      'sessions.expires_at as expiresAt',
      'sessions.revoked_at as revokedAt',
      'users.roles',
      (column) => column.fn.coalesce('sessions.proven_at', 'sessions.created_at').as('provenAt'),
      'sessions.proven_by as provenBy',
    ])
    .where('sessions.id', '=', id)
    .forUpdate('sessions')
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { provenAt, provenBy, ...session } = found;
  return { ...session, proof: { at: provenAt, by: provenBy } };
}

/** Records a new proof in a locked session, with the `exp` of the access token that carries it. */
export async function storeProof(
  tx: Transaction<Tables>,
  id: string,
  { proof, accessExpiresAt }: { proof: Proof; accessExpiresAt: Date },
): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ proven_at: proof.at, proven_by: [...proof.by], access_expires_at: accessExpiresAt })
    .where('id', '=', id)
    .execute();
}

/** Whether the user's session can be used at this moment. */
export async function isSessionLive(db: Kysely<Tables>, userId: string, sessionId: string): Promise<boolean> {
  const found = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return found !== undefined;
}

/** Whether the user has that session, live or not. */
export async function hasSession(db: Kysely<Tables>, userId: string, sessionId: string): Promise<boolean> {
  const found = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', sessionId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return found !== undefined;
}

/** One page of the user's live sessions, the newest first: those that began before the session `before`. */
export async function listSessions(
  db: Kysely<Tables>,
  userId: string,
  place: { before?: string | undefined; limit: number },
): Promise<ListedSession[]> {
  const query = db
    .selectFrom('sessions')
    .select([
      'id',
      'created_at as createdAt',
      'last_used_at as lastUsedAt',
      'expires_at as expiresAt',
      'user_agent as userAgent',
      'ip',
    ])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .orderBy('id', 'desc')
    .limit(place.limit);
  return await (place.before === undefined ? query : query.where('id', '<', place.before)).execute();
}

/** Revocations that still matter at `now`, the oldest first; with `since`, those made from then on. */
export async function listRevocations(db: Kysely<Tables>, now: Date, since: Date | undefined): Promise<Revocation[]> {
  const query = db
    .selectFrom('sessions')
    .select(['id as sessionId', 'revoked_at as revokedAt', 'access_expires_at as accessExpiresAt'])
    .where('revoked_at', 'is not', null)
    .where('access_expires_at', '>', now)
    .orderBy('revoked_at')
    .$narrowType<{ revokedAt: Date }>();
  return await (since === undefined ? query : query.where('revoked_at', '>=', since)).execute();
}
