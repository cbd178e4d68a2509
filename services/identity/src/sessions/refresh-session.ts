import { inTransaction, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { sessionOver } from '../errors.ts';
import { refreshes } from '../metrics.ts';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { type AccessToken, issueAccessToken } from '../tokens/issue-access-token.ts';
import { decideRefresh, type RefreshDecision } from './refresh-decision.ts';
import { isGenuine, makeRefreshToken, type RefreshToken, readRefreshToken } from './refresh-token.ts';
import { revokeSessions } from './revoke-session.ts';
import { type LockedSession, lockSession } from './session-queries.ts';
import type { SessionTokens } from './start-session.ts';

type RefreshResources = Pick<Resources, 'db' | 'secrets' | 'keyRing' | 'rules'>;

/** The request of a refresh. */
export interface RefreshRequest {
  /** When it reached the process, in milliseconds since 1970. */
  arrivedAt: number;
  /** The client's address, for its session and the audit log. */
  ip: string | undefined;
}

/** How a refresh ended; tokens only where the decision gives some. */
interface RefreshResult {
  decision: RefreshDecision;
  tokens?: SessionTokens;
}

/**
 * Exchanges a refresh token for new tokens, or ends the session of a stolen one; see `decideRefresh`.
 *
 * @throws ProblemError unauthenticated, the same for every token that gives nothing
 */
export async function refreshSession(
  resources: RefreshResources,
  refreshToken: string,
  request: RefreshRequest,
): Promise<SessionTokens> {
  const presented = readRefreshToken(refreshToken);
  const { decision, tokens }: RefreshResult =
    presented === undefined
      ? { decision: 'refuse' }
      : await inTransaction(resources.db, (tx) => present(resources, tx, presented, request));
  refreshes.inc({ decision });
  if (tokens === undefined) throw sessionOver();
  return tokens;
}

async function present(
  resources: RefreshResources,
  tx: Transaction<Tables>,
  presented: RefreshToken,
  { arrivedAt, ip }: RefreshRequest,
): Promise<RefreshResult> {
  const session = await lockSession(tx, presented.sessionId);
  if (session === undefined || !isGenuine(resources.secrets.refreshTokens, session.seed, presented)) {
    return { decision: 'refuse' };
  }
  // Read under the lock: later than any time that whoever held it before has written.
  const now = Date.now();
  const decision = decideRefresh(session, { generation: presented.generation, arrivedAt, now });
  if (decision === 'refuse') return { decision };
  if (decision === 'revoke') {
    await revokeSessions(tx, { userId: session.userId, sessionId: session.id }, 'refresh_token_reuse');
    await recordAudit(tx, {
      actor: 'anonymous',
      action: 'session.refresh_token_reused',
      resource: formatId('ses', session.id),
      details: { user: formatId('usr', session.userId) },
      ip,
    });
    return { decision };
  }
  return { decision, tokens: await answer(resources, tx, session, { decision, now: new Date(now), ip }) };
}

async function answer(
  resources: RefreshResources,
  tx: Transaction<Tables>,
  session: LockedSession,
  { decision, now, ip }: { decision: RefreshDecision; now: Date; ip: string | undefined },
): Promise<SessionTokens> {
  const access = issueAccessToken(resources, {
    userId: session.userId,
    sessionId: session.id,
    roles: session.roles,
    sessionExpiresAt: session.expiresAt,
    proof: session.proof,
  });
  const generation = decision === 'rotate' ? session.generation + 1 : session.generation;
  await tx
    .updateTable('sessions')
    .set({ ...changeFor(decision, generation, now), ...usedNow(access, now, ip) })
    .where('id', '=', session.id)
    .execute();
  return {
    accessToken: access.token,
    tokenType: 'Bearer',
    expiresIn: access.expiresIn,
    refreshToken: makeRefreshToken(resources.secrets.refreshTokens, session, generation),
  };
}

function changeFor(decision: RefreshDecision, generation: number, now: Date) {
  if (decision === 'rotate') return { generation, rotated_at: now, retried: false };
  return decision === 'retry' ? { retried: true } : {};
}

function usedNow(access: AccessToken, now: Date, ip: string | undefined) {
  return { last_used_at: now, access_expires_at: access.expiresAt, ...(ip !== undefined && { ip }) };
}
