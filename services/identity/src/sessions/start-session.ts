import { randomBytes } from 'node:crypto';
import type { ProofMethod } from '@florin/auth';
import { planKeeper, type Transaction } from '@florin/database';
import { newUuid } from '@florin/service';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { issueAccessToken } from '../tokens/issue-access-token.ts';
import { makeRefreshToken } from './refresh-token.ts';

/** What a login or refresh gives to the client. */
export interface SessionTokens {
  accessToken: string;
  tokenType: 'Bearer';
  /** Seconds that the access token lives. */
  expiresIn: number;
  refreshToken: string;
}

/** Who begins a session, and from where. */
export interface NewSession {
  userId: string;
  userAgent: string | undefined;
  /** The client's address. */
  ip: string | undefined;
  /** How the user proved who he is. */
  provenBy: ProofMethod[];
}

const keepLocking = planKeeper('lock-session-user');
const keepInserting = planKeeper('insert-session');

/**
 * Begins a session for a user whose identity is proven; undefined when the user is not active any more. The user stays
 * locked against change until the transaction ends, so that no session slips past a user being disabled.
 */
export async function startSession(
  resources: Pick<Resources, 'keyRing' | 'rules' | 'secrets'>,
  tx: Transaction<Tables>,
  { userId, userAgent, ip, provenBy }: NewSession,
): Promise<SessionTokens | undefined> {
  const user = await tx
    .selectFrom('users')
    .select('roles')
    .where('id', '=', userId)
    .where('status', '=', 'active')
    .forShare()
    .$call(keepLocking)
    .executeTakeFirst();
  if (user === undefined) return undefined;
  const now = new Date();
  const session = { id: newUuid(), seed: randomBytes(32) };
  const expiresAt = new Date(now.getTime() + resources.rules.sessionMs);
  const access = issueAccessToken(resources, {
    userId,
    sessionId: session.id,
    roles: user.roles,
    sessionExpiresAt: expiresAt,
    proof: { at: now, by: provenBy },
  });
  await tx
    .insertInto('sessions')
    .values({
      id: session.id,
      user_id: userId,
      refresh_seed: session.seed,
      rotated_at: now,
      last_used_at: now,
      user_agent: readableAgent(userAgent),
      ip: ip ?? null,
      created_at: now,
      access_expires_at: access.expiresAt,
      expires_at: expiresAt,
      revoked_at: null,
      revoked_for: null,
      proven_at: now,
      proven_by: provenBy,
    })
    .$call(keepInserting)
    .execute();
  const refreshToken = makeRefreshToken(resources.secrets.refreshTokens, session, 1);
  return { accessToken: access.token, tokenType: 'Bearer', expiresIn: access.expiresIn, refreshToken };
}

/** The header as far as it is worth showing: the client chose it, so no control characters and no more than a line. */
function readableAgent(header: string | undefined): string | null {
  const text = header
    ?.replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
  return text ? text : null;
}
