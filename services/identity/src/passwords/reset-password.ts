import { inTransaction } from '@florin/database';
import { formatId } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { invalidField, invalidToken } from '../errors.ts';
import { findTokenOwner, spendToken } from '../one-time-tokens/one-time-token-queries.ts';
import type { Resources } from '../resources.ts';
import { listFactorMethods } from '../second-factor/second-factor-queries.ts';
import { forgetGuesses, guessKey } from '../sessions/guess-counter.ts';
import { revokeSessions } from '../sessions/revoke-session.ts';
import { findUser, lockUser, markEmailVerified } from '../users/user-queries.ts';
import { normalisePassword, passwordFault } from './password-policy.ts';
import { replacePassword } from './replace-password.ts';

/**
 * Gives a user who has a token from a mail another password. All sessions end, the guesses at the old password are
 * forgotten unless a second factor is on, and the email counts as verified: the token came there. A password that cannot be used does not spend the
 * token.
 *
 * @throws ProblemError validation_failed at /token or /password, 503 when too many passwords wait to be hashed
 */
export async function resetPassword(
  resources: Pick<Resources, 'db' | 'passwords' | 'secrets'>,
  { token, password: typed, ip }: { token: string; password: string; ip: string | undefined },
): Promise<void> {
  const { db, passwords, secrets } = resources;
  const owner = await findTokenOwner(db, 'reset_password', token);
  const known = owner === undefined ? undefined : await findUser(db, owner);
  if (known === undefined) throw invalidToken();
  const password = normalisePassword(typed);
  const fault = passwordFault(password, known);
  if (fault !== undefined) throw invalidField('/password', fault);
  // Before the transaction: a hash takes too long to hold a connection meanwhile.
  const hash = await passwords.withTurn((desk) => desk.hash(password));
  await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, known.id);
    const spentBy = await spendToken(tx, 'reset_password', token);
    if (user?.status !== 'active' || spentBy !== user.id) throw invalidToken();
    await replacePassword(tx, user, hash);
    await markEmailVerified(tx, user.id);
    await revokeSessions(tx, { userId: user.id }, 'password_reset');
    // Guesses at a second factor are among them: a mail must not give whoever reads it a hundred more.
    const hasFactor = (await listFactorMethods(tx, user.id)).length > 0;
    if (!hasFactor) await forgetGuesses(tx, guessKey(secrets.guessedEmails, user.email));
    await recordAudit(tx, { actor: 'anonymous', action: 'password.reset', resource: formatId('usr', user.id), ip });
  });
}
