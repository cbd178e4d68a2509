import { inTransaction, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { accountLocked, passkeyRefused } from '../errors.ts';
import { logins } from '../metrics.ts';
import type { Resources } from '../resources.ts';
import { countGuess, forgetFailures, guessKey } from '../sessions/guess-counter.ts';
import { outcomeOf } from '../sessions/log-in.ts';
import { recordRefusal } from '../sessions/record-refusal.ts';
import { type SessionTokens, startSession } from '../sessions/start-session.ts';
import type { Tables } from '../tables.ts';
import { lockActiveUser } from '../users/user-queries.ts';
import { spendChallenge } from './challenge-queries.ts';
import { findPasskeyOwner } from './passkey-queries.ts';
import type { Assertion } from './passkey-schemas.ts';
import { type UseVerdict, usePasskey } from './use-passkey.ts';
import { claimedChallenge } from './verify-passkey.ts';

/** What a person logs in with, as it came. */
export interface PasskeyLogin {
  assertion: Assertion;
  userAgent: string | undefined;
  /** The client's address, for its session and the audit log. */
  ip: string | undefined;
}

type PasskeyLoginResources = Pick<Resources, 'db' | 'secrets' | 'keyRing' | 'rules' | 'loginLines' | 'relyingParty'>;

/**
 * Begins a session for whoever uses a passkey. It is both factors at once: the authenticator is had, and lets nobody use it
 * but its owner. Tries count as guesses at the account, and one that is locked stays locked for passkeys too.
 *
 * @throws ProblemError invalid_credentials, the same for all that a passkey can lack; account_locked; 503 when too many wait
 */
export async function logInWithPasskey(resources: PasskeyLoginResources, login: PasskeyLogin): Promise<SessionTokens> {
  try {
    const tokens = await checkAndStart(resources, login);
    logins.inc({ outcome: 'success' });
    return tokens;
  } catch (error) {
    logins.inc({ outcome: outcomeOf(error) });
    throw error;
  }
}

async function checkAndStart(resources: PasskeyLoginResources, login: PasskeyLogin): Promise<SessionTokens> {
  const { db, secrets, loginLines } = resources;
  const challenge = claimedChallenge(login.assertion.response.clientDataJSON);
  const isOurs = challenge !== undefined && (await spendChallenge(db, { purpose: 'log_in' }, challenge));
  const owner = await findPasskeyOwner(db, Buffer.from(login.assertion.id, 'base64url'));
  const refused = { userId: owner?.userId, ip: login.ip };
  if (!isOurs || owner === undefined || owner.status !== 'active') {
    await recordRefusal(db, 'passkey', { ...refused, locks: false });
    throw passkeyRefused();
  }
  return await loginLines.run(owner.email, async () => {
    const key = guessKey(secrets.guessedEmails, owner.email);
    const permission = await countGuess(db, key);
    if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
    const outcome = await inTransaction(db, (tx) =>
      enter(resources, tx, { ...login, userId: owner.userId, challenge, key }),
    );
    if (typeof outcome === 'object') return outcome;
    const reason = outcome === 'copied' ? 'passkey_copied' : 'passkey';
    await recordRefusal(db, reason, { ...refused, locks: permission.locks });
    throw passkeyRefused();
  });
}

/** One transaction, so that the passkey's counter goes on exactly when a session begins. */
async function enter(
  resources: PasskeyLoginResources,
  tx: Transaction<Tables>,
  {
    userId,
    assertion,
    challenge,
    key,
    userAgent,
    ip,
  }: PasskeyLogin & { userId: string; challenge: string; key: Buffer },
): Promise<SessionTokens | Exclude<UseVerdict, 'right'>> {
  if (!(await lockActiveUser(tx, userId))) return 'wrong';
  const verdict = await usePasskey(resources, tx, { userId, assertion, challenge });
  if (verdict !== 'right') return verdict;
  const tokens = await startSession(resources, tx, { userId, userAgent, ip, provenBy: ['webauthn'] });
  if (tokens === undefined) return 'wrong';
  await forgetFailures(tx, key);
  const user = formatId('usr', userId);
  const details = { secondFactor: true, passkey: true };
  await recordAudit(tx, { actor: user, action: 'login.succeeded', resource: user, details, ip });
  return tokens;
}
