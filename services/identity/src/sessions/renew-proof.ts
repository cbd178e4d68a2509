import type { ProofMethod } from '@florin/auth';
import type { Transaction } from '@florin/database';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { issueAccessToken } from '../tokens/issue-access-token.ts';
import { lockSession, storeProof } from './session-queries.ts';

/** An access token with a new proof. */
export interface RenewedAccess {
  accessToken: string;
  tokenType: 'Bearer';
  /** Seconds that the access token lives. */
  expiresIn: number;
}

/**
 * Records in the session that its user has just proved who he is, and makes an access token that says so; those that
 * come from refreshes will say it too. Undefined when the session has ended. Lock the user first.
 */
export async function renewProof(
  resources: Pick<Resources, 'keyRing' | 'rules'>,
  tx: Transaction<Tables>,
  { userId, sessionId, provenBy }: { userId: string; sessionId: string; provenBy: ProofMethod[] },
): Promise<RenewedAccess | undefined> {
  const session = await lockSession(tx, sessionId);
  const now = new Date();
  if (session?.userId !== userId || session.revokedAt !== null || session.expiresAt <= now) return undefined;
  const proof = { at: now, by: provenBy };
  const { roles, expiresAt } = session;
  const access = issueAccessToken(resources, { userId, sessionId, roles, sessionExpiresAt: expiresAt, proof });
  await storeProof(tx, sessionId, { proof, accessExpiresAt: access.expiresAt });
  return { accessToken: access.token, tokenType: 'Bearer', expiresIn: access.expiresIn };
}
