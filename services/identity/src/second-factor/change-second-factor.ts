import { inTransaction, seal, type Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import type { AuditAction } from '../audit/audit-entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import { accountLocked, conflict, mfaInvalid, notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { countGuess, guessKey, takeBackGuess } from '../sessions/guess-counter.ts';
import type { Tables } from '../tables.ts';
import { findUser, lockUser } from '../users/user-queries.ts';
import { checkSecondFactor, type FactorVerdict, factorContext, useTotp } from './check-second-factor.ts';
import { hashRecoveryCode, newRecoveryCodes } from './recovery-code.ts';
import {
  activateFactor,
  deleteFactor,
  dropIdleRecoveryCodes,
  lockSecondFactor,
  putPendingFactor,
  replaceRecoveryCodes,
} from './second-factor-queries.ts';
import { newTotpSecret, otpauthUri } from './totp.ts';

/**
 * Makes a secret for the caller's authenticator app. It asks nothing of a login until it is confirmed; another call
 * before that replaces it.
 *
 * @throws ProblemError conflict when a second factor is on
 */
export async function beginSecondFactor(
  { db, secrets }: Pick<Resources, 'db' | 'secrets'>,
  { userId }: Caller,
): Promise<{ secret: string; otpauthUri: string }> {
  const secret = newTotpSecret();
  const sealed = seal(secrets.secondFactors, factorContext(userId), Buffer.from(secret));
  return await inTransaction(db, async (tx) => {
    // Locked: or the user might be erased before the factor is written.
    const user = await lockUser(tx, userId);
    if (user === undefined) throw notFound();
    if (!(await putPendingFactor(tx, userId, sealed))) throw conflict('A second factor is on already.');
    return { secret, otpauthUri: otpauthUri(user.email, secret) };
  });
}

/**
 * Turns the second factor on, once a code proves that the app has the secret. Returns the recovery codes, which are
 * shown only here.
 *
 * @throws ProblemError mfa_invalid, conflict when there is nothing to confirm
 */
export async function confirmSecondFactor(
  { db, secrets }: Pick<Resources, 'db' | 'secrets'>,
  caller: Caller,
  otp: string,
): Promise<string[]> {
  const { userId } = caller;
  const codes = newRecoveryCodes();
  const hashes = codes.map((code) => hashRecoveryCode(secrets.recoveryCodes, userId, code));
  await inTransaction(db, async (tx) => {
    // Recovery codes are the user's: whoever changes a factor locks him first.
    await lockUser(tx, userId);
    const factor = await lockSecondFactor(tx, userId);
    if (factor === undefined || factor.active) throw conflict('There is no second factor to confirm.');
    if (!(await useTotp({ secrets }, tx, { userId, factor, otp }))) throw mfaInvalid();
    await activateFactor(tx, userId);
    await replaceRecoveryCodes(tx, userId, hashes);
    await recordFactorChange(tx, caller, 'mfa.enabled');
  });
  return codes;
}

/**
 * Turns the app off as a second factor, with a code of it or a recovery code; passkeys stay. A wrong one counts as a guess at the
 * account, or a stolen access token could try them all.
 *
 * @throws ProblemError mfa_invalid, account_locked, not_found when none is on
 */
export async function removeSecondFactor(
  resources: Pick<Resources, 'db' | 'secrets' | 'loginLines'>,
  caller: Caller,
  otp: string,
): Promise<void> {
  const user = await findUser(resources.db, caller.userId);
  if (user === undefined) throw notFound();
  const key = guessKey(resources.secrets.guessedEmails, user.email);
  const verdict = await resources.loginLines.run(user.email, async () => {
    const permission = await countGuess(resources.db, key);
    if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
    return await inTransaction(resources.db, (tx) => tryRemoving(resources, tx, { caller, otp, key }));
  });
  if (verdict === 'off') throw notFound();
  if (verdict !== 'right') throw mfaInvalid();
}

async function tryRemoving(
  resources: Pick<Resources, 'secrets'>,
  tx: Transaction<Tables>,
  { caller, otp, key }: { caller: Caller; otp: string; key: Buffer },
): Promise<FactorVerdict> {
  await lockUser(tx, caller.userId);
  const isOn = (await lockSecondFactor(tx, caller.userId))?.active === true;
  const verdict = isOn ? await checkSecondFactor(resources, tx, caller.userId, otp) : 'off';
  if (verdict === 'right') {
    await deleteFactor(tx, caller.userId);
    await dropIdleRecoveryCodes(tx, caller.userId);
    await recordFactorChange(tx, caller, 'mfa.disabled');
  } else if (verdict === 'wrong') {
    await recordFactorChange(tx, caller, 'mfa.failed');
    return verdict;
  }
  await takeBackGuess(tx, key);
  return verdict;
}

async function recordFactorChange(tx: Transaction<Tables>, caller: Caller, action: AuditAction): Promise<void> {
  const user = formatId('usr', caller.userId);
  await recordAudit(tx, { actor: user, action, resource: user, ip: caller.ip });
}
