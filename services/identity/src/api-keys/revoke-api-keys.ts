import { apiKeysRevoked } from '@florin/contracts';
import { appendEvents, inTransaction, newEvent, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { clockToleranceMs } from '../sessions/revoke-session.ts';
import type { Tables } from '../tables.ts';
import { keyTokenSeconds } from '../tokens/issue-access-token.ts';
import { hasApiKey, markRevoked } from './api-key-queries.ts';

// An exchange that has read the key before its revocation was committed may sign its token some seconds later.
const signingDelayMs = 15_000;
const keysPerEvent = 500;

/** How long after its revocation tokens of a key may still be about, in milliseconds. */
export const keyTokensLiveMs: number = keyTokenSeconds * 1000 + clockToleranceMs + signingDelayMs;

/** Who revokes, and why where it was not asked for by itself. */
export interface Revoker {
  /** `usr_…` or 'system' */
  actor: string;
  ip?: string | undefined;
  reason?: string;
}

/**
 * Revokes keys of a user, all or one, and tells every gateway and the audit log in the same transaction. Returns how
 * many it revoked.
 */
export async function revokeApiKeys(
  tx: Transaction<Tables>,
  whose: { userId: string; keyId?: string },
  { actor, ip, reason = 'revoked_by_user' }: Revoker,
): Promise<number> {
  const revoked = await markRevoked(tx, whose);
  const user = formatId('usr', whose.userId);
  const events = [];
  for (let start = 0; start < revoked.length; start += keysPerEvent) {
    const part = revoked.slice(start, start + keysPerEvent);
    const revokedAt = part[0]?.revokedAt ?? new Date();
    const data = {
      user,
      keys: part.map(({ id }) => formatId('key', id)),
      revokedAt: revokedAt.toISOString(),
      expiresAt: new Date(revokedAt.getTime() + keyTokensLiveMs).toISOString(),
    };
    events.push(newEvent(apiKeysRevoked, { source: 'florin/identity', subject: user, data }));
  }
  await appendEvents(tx, events);
  for (const { id } of revoked) {
    const details = { user, reason };
    await recordAudit(tx, { actor, action: 'api_key.revoked', resource: formatId('key', id), details, ip });
  }
  return revoked.length;
}

/**
 * Revokes one of the caller's keys. Revoking it twice is no error.
 *
 * @throws ProblemError not_found for a key that is not there or another user's
 */
export async function revokeApiKey({ db }: Pick<Resources, 'db'>, caller: Caller, keyId: string): Promise<void> {
  const { userId, ip } = caller;
  await inTransaction(db, async (tx) => {
    const revoked = await revokeApiKeys(tx, { userId, keyId }, { actor: formatId('usr', userId), ip });
    if (revoked === 0 && !(await hasApiKey(tx, userId, keyId))) throw notFound();
  });
}
