import { inTransaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { accountLocked, invalidCredentials, invalidField, notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { countGuess, forgetFailures, guessKey } from '../sessions/guess-counter.ts';
import { revokeSessions } from '../sessions/revoke-session.ts';
import type { User } from '../users/user.ts';
import { findUser, lockUser } from '../users/user-queries.ts';
import type { PasswordWork } from './password-desk.ts';
import { normalisePassword, passwordFault } from './password-policy.ts';
import { findPasswordHash } from './password-queries.ts';
import { replacePassword } from './replace-password.ts';

/** What a change needs, as it came. */
export interface PasswordChange {
  /** uuid of the session that asks for it and outlives it. */
  sessionId: string;
  currentPassword: string;
  newPassword: string;
}

type ChangeResources = Pick<Resources, 'db' | 'passwords' | 'loginLines' | 'secrets'>;

/**
 * Gives the caller another password and ends all other sessions. A wrong current password counts as a guess, together
 * with those at the login: a stolen access token is no way around the lock.
 *
 * @throws ProblemError validation_failed at /newPassword, invalid_credentials, account_locked, 503 when too many wait
 */
export async function changePassword(
  resources: ChangeResources,
  caller: Caller,
  change: PasswordChange,
): Promise<void> {
  const user = await findUser(resources.db, caller.userId);
  if (user === undefined) throw notFound();
  const newPassword = normalisePassword(change.newPassword);
  const fault = passwordFault(newPassword, user);
  if (fault !== undefined) throw invalidField('/newPassword', fault);
  await resources.loginLines.run(user.email, (askedAt) =>
    resources.passwords.withTurn(
      (desk) => checkAndChange(resources, desk, { ...change, user, ip: caller.ip, newPassword }),
      askedAt,
    ),
  );
}

async function checkAndChange(
  { db, secrets }: ChangeResources,
  desk: PasswordWork,
  { user, ip, sessionId, currentPassword, newPassword }: PasswordChange & { user: User; ip: string | undefined },
): Promise<void> {
  const key = guessKey(secrets.guessedEmails, user.email);
  const permission = await countGuess(db, key);
  if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
  const compared = await findPasswordHash(db, user.id);
  const usr = formatId('usr', user.id);
  const facts = { actor: usr, resource: usr, ip };
  if (!(await desk.verify(normalisePassword(currentPassword), compared))) {
    await recordAudit(db, { ...facts, action: 'login.failed', details: { reason: 'wrong_current_password' } });
    if (permission.locks) await recordAudit(db, { ...facts, action: 'login.locked' });
    throw wrongPassword();
  }
  const hash = await desk.hash(newPassword);
  await inTransaction(db, async (tx) => {
    await lockUser(tx, user.id);
    // Changed by somebody else meanwhile: then what was typed is not the current one any more.
    if ((await findPasswordHash(tx, user.id)) !== compared) throw wrongPassword();
    await replacePassword(tx, user, hash);
    await revokeSessions(tx, { userId: user.id, exceptSessionId: sessionId }, 'password_changed');
    await forgetFailures(tx, key);
    await recordAudit(tx, { ...facts, action: 'password.changed' });
  });
}

function wrongPassword() {
  return invalidCredentials('The current password is wrong.');
}
