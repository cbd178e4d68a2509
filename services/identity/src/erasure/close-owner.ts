import { formatId } from '@florin/service';
import type { Resources } from '../resources.ts';
import { signServiceToken } from '../tokens/issue-service-token.ts';
import type { ErasureAttempt } from './erasure.ts';

const deadlineMs = 2_000;

/** `unknown`: no answer, or none that says which; asking again with a higher attempt is safe. */
export type ClosureAnswer = 'closed' | 'refused' | 'unknown';

/**
 * Asks the service accounts to end the relation with somebody. It decides under a lock that openings take too, so that
 * after `closed` there is no open account of theirs and none can be opened.
 */
export async function closeOwner(
  { services, ...issuer }: Pick<Resources, 'services' | 'keyRing' | 'rules'>,
  { userId, attempt }: Pick<ErasureAttempt, 'userId' | 'attempt'>,
): Promise<ClosureAnswer> {
  const { token } = signServiceToken(issuer, { client: 'identity', audience: 'accounts' });
  const url = new URL(`/internal/owners/${formatId('usr', userId)}/closure`, services.accounts);
  try {
    const response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ attempt: Number(attempt) }),
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
    await response.body?.cancel();
    if (response.ok) return 'closed';
    return response.status === 409 ? 'refused' : 'unknown';
  } catch {
    return 'unknown';
  }
}
