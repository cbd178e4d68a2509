import { userErased } from '@florin/contracts';
import { appendEvents, inTransaction, newEvent, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { keyTokensLiveMs, revokeApiKeys } from '../api-keys/revoke-api-keys.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { erasures } from '../metrics.ts';
import type { Resources } from '../resources.ts';
import { guessKey } from '../sessions/guess-counter.ts';
import { clockToleranceMs, revokeSessions } from '../sessions/revoke-session.ts';
import type { Tables } from '../tables.ts';
import { lockUser } from '../users/user-queries.ts';
import { closeOwner } from './close-owner.ts';
import { forgetAddress, forgetKeptAnswers, keepRevocations, replaceByTombstone } from './erased-user-queries.ts';
import type { ErasureAttempt, ErasureOutcome } from './erasure.ts';
import { dropErasure, holdsErasure, postponeErasure } from './erasure-queries.ts';

type ErasureResources = Pick<Resources, 'db' | 'secrets' | 'keyRing' | 'rules' | 'services'>;

/**
 * Makes one attempt at an erasure that has been written down: accounts decides whether it may be, then everything goes
 * in one transaction. Whatever dies in between is taken up again by the sweep; only the newest attempt has an effect.
 */
export async function carryOutErasure(resources: ErasureResources, attempt: ErasureAttempt): Promise<ErasureOutcome> {
  const answer = await closeOwner(resources, attempt);
  const outcome = await settle(resources, attempt, answer);
  erasures.inc({ outcome });
  return outcome;
}

async function settle(
  resources: ErasureResources,
  attempt: ErasureAttempt,
  answer: Awaited<ReturnType<typeof closeOwner>>,
): Promise<ErasureOutcome> {
  const { db } = resources;
  if (answer === 'unknown') {
    await postponeErasure(db, attempt);
    return 'later';
  }
  if (answer === 'closed') return await inTransaction(db, (tx) => erase(resources, tx, attempt));
  await inTransaction(db, async (tx) => {
    if (await dropErasure(tx, attempt)) await recordOutcome(tx, attempt, 'user.erasure_refused');
  });
  return 'refused';
}

async function erase(
  { secrets }: Pick<Resources, 'secrets'>,
  tx: Transaction<Tables>,
  attempt: ErasureAttempt,
): Promise<ErasureOutcome> {
  const { userId, requestedBy } = attempt;
  const user = await lockUser(tx, userId);
  if (user === undefined) return 'erased';
  if (!(await holdsErasure(tx, attempt))) return 'later';
  const usr = formatId('usr', userId);
  // The reason is not to be read anywhere: the rows go with the user, some lines below.
  await revokeSessions(tx, { userId }, 'user_disabled');
  const revoker = { actor: formatId('usr', requestedBy), ip: attempt.ip ?? undefined, reason: 'user_erased' };
  await revokeApiKeys(tx, { userId }, revoker);
  await keepRevocations(tx, userId, { keyTokensLiveMs, clockToleranceMs });
  await forgetAddress(tx, user.email, guessKey(secrets.guessedEmails, user.email));
  await forgetKeptAnswers(tx, [usr, `anonymous:${user.email}`]);
  const erasedAt = await replaceByTombstone(tx, userId);
  await recordOutcome(tx, attempt, 'user.erased');
  const data = { user: usr, erasedAt: erasedAt.toISOString() };
  await appendEvents(tx, [newEvent(userErased, { source: 'florin/identity', subject: usr, data })]);
  return 'erased';
}

async function recordOutcome(
  tx: Transaction<Tables>,
  { userId, requestedBy, ip }: ErasureAttempt,
  action: 'user.erased' | 'user.erasure_refused',
): Promise<void> {
  await recordAudit(tx, {
    actor: formatId('usr', requestedBy),
    action,
    resource: formatId('usr', userId),
    ip: ip ?? undefined,
  });
}
