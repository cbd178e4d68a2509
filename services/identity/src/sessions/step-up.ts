import type { ProofMethod } from '@florin/auth';
import { inTransaction, type Transaction } from '@florin/database';
import { formatId, ProblemError } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import {
  accountLocked,
  invalidCredentials,
  invalidField,
  mfaInvalid,
  mfaRequired,
  notFound,
  passkeyRefused,
  sessionOver,
} from '../errors.ts';
import { stepUps } from '../metrics.ts';
import { spendChallenge } from '../passkeys/challenge-queries.ts';
import type { Assertion } from '../passkeys/passkey-schemas.ts';
import { usePasskey } from '../passkeys/use-passkey.ts';
import { claimedChallenge } from '../passkeys/verify-passkey.ts';
import type { PasswordWork } from '../passwords/password-desk.ts';
import { normalisePassword } from '../passwords/password-policy.ts';
import { findPasswordHash, isPasswordUnchanged } from '../passwords/password-queries.ts';
import type { Resources } from '../resources.ts';
import { checkSecondFactor } from '../second-factor/check-second-factor.ts';
import { listFactorMethods } from '../second-factor/second-factor-queries.ts';
import type { Tables } from '../tables.ts';
import { findUser, lockActiveUser } from '../users/user-queries.ts';
import { countGuess, forgetFailures, guessKey, takeBackGuess } from './guess-counter.ts';
import { outcomeOf } from './log-in.ts';
import { recordRefusal } from './record-refusal.ts';
import { type RenewedAccess, renewProof } from './renew-proof.ts';

/** What a person proves with who he is: a passkey alone, or the others, at least one of them. */
export interface StepUpProof {
  password?: string;
  otp?: string;
  passkey?: Assertion;
}

/** Whose session it is. `sessionId` is a uuid. */
export interface SteppingCaller extends Caller {
  sessionId: string;
}

type StepUpResources = Pick<
  Resources,
  'db' | 'passwords' | 'loginLines' | 'secrets' | 'keyRing' | 'rules' | 'relyingParty'
>;

/** What is left to do under the lock of the user, with what was found out before. */
type Check = (tx: Transaction<Tables>) => Promise<ProofMethod[] | ProblemError>;

interface Attempt extends SteppingCaller {
  key: Buffer;
}

/**
 * Lets the caller prove again who he is, and gives an access token that says so; session and refresh token stay as they
 * are. A user with a second factor has to use it, alone or with the password; others give the password. It counts as a
 * guess like a login: a stolen access token is no way around the lock.
 *
 * @throws ProblemError validation_failed, invalid_credentials, mfa_required, mfa_invalid, account_locked, 503 when too many
 *   wait
 */
export async function stepUp(
  resources: StepUpResources,
  caller: SteppingCaller,
  proof: StepUpProof,
): Promise<RenewedAccess> {
  try {
    const access = await countAndCheck(resources, caller, proof);
    stepUps.inc({ outcome: 'success' });
    return access;
  } catch (error) {
    stepUps.inc({ outcome: outcomeOf(error) });
    throw error;
  }
}

async function countAndCheck(
  resources: StepUpResources,
  caller: SteppingCaller,
  { password, otp, passkey }: StepUpProof,
): Promise<RenewedAccess> {
  const isAlone = password === undefined && otp === undefined;
  if ((passkey === undefined) === isAlone) throw invalidField('', 'must have a passkey, or else a password or an otp');
  const user = await findUser(resources.db, caller.userId);
  if (user === undefined) throw notFound();
  const attempt = { ...caller, key: guessKey(resources.secrets.guessedEmails, user.email) };
  return await resources.loginLines.run(user.email, async (askedAt) => {
    if (passkey !== undefined) return await decide(resources, attempt, () => checkPasskey(resources, caller, passkey));
    const check = (desk?: PasswordWork) => checkCodes(resources, attempt, { password, otp, desk });
    if (password === undefined) return await decide(resources, attempt, () => check());
    return await resources.passwords.withTurn((desk) => decide(resources, attempt, () => check(desk)), askedAt);
  });
}

/** Counts the guess, has it looked at, and renews the session's proof or writes the refusal down. */
async function decide(
  resources: StepUpResources,
  { userId, sessionId, ip, key }: Attempt,
  prepare: () => Promise<Check>,
): Promise<RenewedAccess> {
  const { db } = resources;
  const permission = await countGuess(db, key);
  if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
  const check = await prepare();
  const outcome = await inTransaction(db, async (tx) => {
    if (!(await lockActiveUser(tx, userId))) return sessionOver();
    const provenBy = await check(tx);
    if (provenBy instanceof ProblemError) return provenBy;
    const renewed = await renewProof(resources, tx, { userId, sessionId, provenBy });
    if (renewed === undefined) return sessionOver();
    await forgetFailures(tx, key);
    const facts = { actor: formatId('usr', userId), resource: formatId('ses', sessionId), details: { by: provenBy } };
    await recordAudit(tx, { ...facts, action: 'session.stepped_up', ip });
    return renewed;
  });
  if (!(outcome instanceof ProblemError)) return outcome;
  const isGuess = outcome.code !== 'validation_failed' && outcome.code !== 'unauthenticated';
  if (isGuess) await recordRefusal(db, outcome.code, { userId, isSteppingUp: true, ip, locks: permission.locks });
  throw outcome;
}

/** A passkey of the caller, for a challenge of this session. */
async function checkPasskey(
  resources: StepUpResources,
  { userId, sessionId }: SteppingCaller,
  assertion: Assertion,
): Promise<Check> {
  const challenge = claimedChallenge(assertion.response.clientDataJSON);
  const isOurs =
    challenge !== undefined && (await spendChallenge(resources.db, { purpose: 'step_up', sessionId }, challenge));
  return async (tx) => {
    if (!isOurs) return passkeyRefused();
    const verdict = await usePasskey(resources, tx, { userId, assertion, challenge });
    return verdict === 'right' ? ['webauthn'] : passkeyRefused();
  };
}

/** The password, which takes long and so is compared before the lock, and the code of the second factor, where one is on. */
async function checkCodes(
  resources: StepUpResources,
  { userId, key }: Attempt,
  { password, otp, desk }: { password: string | undefined; otp: string | undefined; desk: PasswordWork | undefined },
): Promise<Check> {
  const hash = await findPasswordHash(resources.db, userId);
  const isRight = password === undefined || (await desk?.verify(normalisePassword(password), hash)) === true;
  return async (tx) => {
    if (!isRight) return invalidCredentials('The password is wrong.');
    // A password that was changed while this one was compared with it.
    if (password !== undefined && !(await isPasswordUnchanged(tx, userId, hash ?? ''))) return invalidCredentials();
    const factor = await checkSecondFactor(resources, tx, userId, otp);
    if (factor === 'wrong') return mfaInvalid();
    const by: ProofMethod[] = [...(password === undefined ? [] : ['pwd' as const])];
    if (factor === 'right') return [...by, 'otp'];
    if (factor === 'off' && by.length > 0) return by;
    await takeBackGuess(tx, key);
    if (factor === 'missing') return mfaRequired(await listFactorMethods(tx, userId));
    return invalidField('/password', 'is needed where no second factor is on');
  };
}
