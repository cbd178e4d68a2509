import { type Database, type IdempotentAnswer, runSealed } from '@florin/database';
import { endpointNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import type { KeyedCaller, Webhooks } from '../webhooks.ts';
import { lockEndpoint } from './endpoint-queries.ts';
import { newSecret, sealSecret, shownSecret } from './endpoint-secrets.ts';
import { expireSecrets, insertSecret } from './secret-queries.ts';
import { mostSecrets, oldSecretMs, viewEndpoint } from './webhook-endpoint.ts';

/**
 * Gives the caller's endpoint a new secret. The old one signs beside it for a day, so that receivers can change over while
 * webhooks go on.
 *
 * @throws ProblemError not_found
 */
export async function rotateSecret(
  db: Database<Tables>,
  { keys }: Webhooks,
  { id: caller, userId, key, fingerprint, path }: KeyedCaller,
  endpointId: string,
): Promise<IdempotentAnswer> {
  const sealing = { sealingKey: keys.keptAnswers, context: `webhook secret ${caller} ${key ?? ''}` };
  return await runSealed(db, { caller, key, fingerprint, path, ...sealing }, async (tx) => {
    const endpoint = await lockEndpoint(tx, userId, endpointId);
    if (!endpoint) throw endpointNotFound();
    const expiresAt = new Date(Date.now() + oldSecretMs);
    await expireSecrets(tx, endpointId, { expiresAt, most: mostSecrets });
    const secret = newSecret();
    await insertSecret(tx, endpointId, sealSecret(keys, endpointId, secret));
    const previousSecretUntil = expiresAt.toISOString();
    return { status: 200, body: { ...viewEndpoint(endpoint), secret: shownSecret(secret), previousSecretUntil } };
  });
}
