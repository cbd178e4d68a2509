import { isApiKeySecret } from '@florin/auth';
import { formatId } from '@florin/service';
import { invalidCredentials } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { issueKeyToken } from '../tokens/issue-access-token.ts';
import { hashSecret } from '../tokens/service-clients.ts';
import { findUsableKey, touchApiKey } from './api-key-queries.ts';
import { isIpAllowed } from './ip-rules.ts';

/** A short access token for an API key, and what a gateway must know to keep it. */
export interface ExchangedKey {
  token: string;
  /** Seconds from now. */
  expiresIn: number;
  key: {
    id: string;
    /** Whether the key is good for some addresses only, so that the answer is for this one alone. */
    ipBound: boolean;
  };
}

/**
 * Exchanges an API key, used from the address `ip`, for an access token of a minute at most. The lookup is by the
 * secret's hash: its time tells nothing of a secret that is nearly right.
 *
 * @throws ProblemError invalid_credentials, the same for a key that is unknown, expired, revoked, of a disabled user, or
 *   not for this address
 */
export async function exchangeApiKey(
  { db, keyRing, rules }: Pick<Resources, 'db' | 'keyRing' | 'rules'>,
  { secret, ip }: { secret: string; ip: string },
): Promise<ExchangedKey> {
  const key = isApiKeySecret(secret) ? await findUsableKey(db, hashSecret(secret)) : undefined;
  if (key === undefined || !(key.allowedIps === null || isIpAllowed(key.allowedIps, ip))) throw refused();
  const subject = { userId: key.userId, keyId: key.id, roles: key.roles, scopes: key.scopes };
  const { token, expiresIn } = issueKeyToken({ keyRing, rules }, { ...subject, keyExpiresAt: key.expiresAt });
  // The key ends within this second.
  if (expiresIn <= 0) throw refused();
  await touchApiKey(db, key.id);
  return { token, expiresIn, key: { id: formatId('key', key.id), ipBound: key.allowedIps !== null } };
}

const refused = () => invalidCredentials('The API key is not good for this.');
