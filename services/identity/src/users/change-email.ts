import { userEmailChanged } from '@florin/contracts';
import { appendEvents, errorCode, inTransaction, newEvent, type Transaction } from '@florin/database';
import { formatId, problem } from '@florin/service';
import type { AuditAction } from '../audit/audit-entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { invalidToken, notFound } from '../errors.ts';
import { emailChangesPerDay } from '../mail/mail.ts';
import { countEmailChanges, dropEmailChanges, dropResetMails, queueMail } from '../mail/mail-queries.ts';
import { deleteTokens, spendAddressToken } from '../one-time-tokens/one-time-token-queries.ts';
import type { Resources } from '../resources.ts';
import { revokeSessions } from '../sessions/revoke-session.ts';
import type { Tables } from '../tables.ts';
import { normaliseEmail, type User } from './user.ts';
import { lockUser, moveToEmail } from './user-queries.ts';

/**
 * Asks for another email address: a token goes there, and a notice to the present one. A later request replaces an
 * earlier one. Whether anybody has the address is looked up when the mail is to go out, away from the request.
 *
 * @throws ProblemError rate_limited after ten requests within 24 hours
 */
export async function requestEmailChange({ db }: Pick<Resources, 'db'>, caller: Caller, email: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, caller.userId);
    if (user === undefined) throw notFound();
    if ((await countEmailChanges(tx, user.id)) >= emailChangesPerDay) {
      throw problem('rate_limited', 'Too many changes of the email address were asked for. Try again tomorrow.', {
        retryAfterSeconds: 3_600,
      });
    }
    await deleteTokens(tx, 'change_email', user.id);
    await dropEmailChanges(tx, user.id);
    await queueMail(tx, 'change_email', user.id, normaliseEmail(email));
    await queueMail(tx, 'email_change_requested', user.id, user.email);
    await recordEmail(tx, caller, 'email.change_requested');
  });
}

/**
 * Changes the caller's email address by the token that went to the new one, ends all other sessions, and makes every token
 * that went to the old one worthless. Only the user who asked can confirm: whoever else reads a mail to a mistyped address
 * must not get the account with it.
 *
 * @throws ProblemError validation_failed at /token when it is unknown, spent, expired or another's, and also when somebody
 *   else has the address by now
 */
export async function confirmEmailChange(
  { db }: Pick<Resources, 'db'>,
  caller: Caller & { sessionId: string },
  token: string,
): Promise<void> {
  let isChanged: boolean;
  try {
    isChanged = await inTransaction(db, (tx) => confirm(tx, caller, token));
  } catch (error) {
    // Somebody took the address while this was under way.
    if (errorCode(error) !== '23505') throw error;
    isChanged = false;
  }
  if (!isChanged) throw invalidToken();
}

async function confirm(
  tx: Transaction<Tables>,
  caller: Caller & { sessionId: string },
  token: string,
): Promise<boolean> {
  const user = await lockUser(tx, caller.userId);
  if (user?.status !== 'active') return false;
  const email = await spendAddressToken(tx, user.id, token);
  if (email === undefined || !(await moveToEmail(tx, user.id, email))) return false;
  await forgetOldAddress(tx, user);
  await revokeSessions(tx, { userId: user.id, exceptSessionId: caller.sessionId }, 'email_changed');
  const id = formatId('usr', user.id);
  await appendEvents(tx, [
    newEvent(userEmailChanged, { source: 'florin/identity', subject: id, data: { user: { id, email } } }),
  ]);
  await queueMail(tx, 'email_changed', user.id, user.email);
  await recordEmail(tx, caller, 'email.changed');
  return true;
}

/** `user` as before the change. */
async function forgetOldAddress(tx: Transaction<Tables>, user: User): Promise<void> {
  for (const purpose of ['verify_email', 'reset_password', 'change_email'] as const) {
    await deleteTokens(tx, purpose, user.id);
  }
  await dropResetMails(tx, user);
  await dropEmailChanges(tx, user.id);
}

/** Addresses are not written down: the log is for ever, and people may want theirs forgotten. */
async function recordEmail(tx: Transaction<Tables>, { userId, ip }: Caller, action: AuditAction): Promise<void> {
  const user = formatId('usr', userId);
  await recordAudit(tx, { actor: user, action, resource: user, ip });
}
