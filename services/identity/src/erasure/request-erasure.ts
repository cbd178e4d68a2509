import { inTransaction, type Transaction } from '@florin/database';
import { formatId, type ProblemError } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import type { Caller } from '../caller.ts';
import {
  accountLocked,
  conflict,
  invalidCredentials,
  mfaInvalid,
  mfaRequired,
  notFound,
  sessionOver,
} from '../errors.ts';
import type { PasswordWork } from '../passwords/password-desk.ts';
import { normalisePassword } from '../passwords/password-policy.ts';
import { findPasswordHash } from '../passwords/password-queries.ts';
import type { Resources } from '../resources.ts';
import { checkSecondFactor } from '../second-factor/check-second-factor.ts';
import { listFactorMethods } from '../second-factor/second-factor-queries.ts';
import { countGuess, forgetFailures, guessKey, takeBackGuess } from '../sessions/guess-counter.ts';
import type { Tables } from '../tables.ts';
import { isStaff, type User } from '../users/user.ts';
import { findUser, lockUser } from '../users/user-queries.ts';
import { findErasedUser } from './erased-user-queries.ts';
import type { ErasureAttempt } from './erasure.ts';
import { beginErasure } from './erasure-queries.ts';

/** What a person proves with that it is him. */
export interface ErasureProof {
  password: string;
  /** A code of the second factor; not looked at where none is on. */
  otp?: string;
  /** A passkey has answered in this session a moment ago: it replaces the code. */
  hasPasskeyProof: boolean;
}

/** `busy`: somebody else is at it at this moment. */
export type ErasureTicket = ErasureAttempt | 'busy';

type ProvingResources = Pick<Resources, 'db' | 'passwords' | 'loginLines' | 'secrets'>;

/**
 * Writes down that the caller is to be erased, once he has proven himself. A wrong password or code counts as a guess,
 * together with those at the login.
 *
 * @throws ProblemError conflict for staff, invalid_credentials, mfa_required, mfa_invalid, account_locked, 503 when too
 *   many wait
 */
export async function requestOwnErasure(
  resources: ProvingResources,
  caller: Caller,
  proof: ErasureProof,
): Promise<ErasureTicket> {
  const user = await findUser(resources.db, caller.userId);
  if (user === undefined) throw sessionOver();
  const result = await resources.loginLines.run(user.email, (askedAt) =>
    resources.passwords.withTurn((desk) => prove(resources, desk, { user, caller, proof }), askedAt),
  );
  if (result instanceof Error) throw result;
  return result;
}

interface Proving {
  user: User;
  caller: Caller;
  proof: ErasureProof;
}

/** A refusal is returned, not thrown, where what has been counted is to stay. */
async function prove(
  resources: ProvingResources,
  desk: PasswordWork,
  { user, caller, proof }: Proving,
): Promise<ErasureTicket | ProblemError> {
  const { db, secrets } = resources;
  const key = guessKey(secrets.guessedEmails, user.email);
  const permission = await countGuess(db, key);
  if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
  const compared = await findPasswordHash(db, user.id);
  const usr = formatId('usr', user.id);
  const facts = { actor: usr, resource: usr, ip: caller.ip };
  if (!(await desk.verify(normalisePassword(proof.password), compared))) {
    await recordAudit(db, { ...facts, action: 'login.failed', details: { reason: 'wrong_current_password' } });
    if (permission.locks) await recordAudit(db, { ...facts, action: 'login.locked' });
    return wrongPassword();
  }
  return await inTransaction(db, async (tx) => {
    const locked = await lockUser(tx, user.id);
    if (locked === undefined) throw sessionOver();
    // Changed by somebody else meanwhile: then what was typed is not the current one any more.
    if ((await findPasswordHash(tx, user.id)) !== compared) return wrongPassword();
    const factor = await checkSecondFactor(resources, tx, user.id, proof.otp);
    if (factor === 'missing' && !proof.hasPasskeyProof) {
      await takeBackGuess(tx, key);
      return mfaRequired(await listFactorMethods(tx, user.id));
    }
    if (factor === 'wrong') {
      await recordAudit(tx, { ...facts, action: 'mfa.failed' });
      return mfaInvalid();
    }
    await forgetFailures(tx, key);
    return isStaff(locked.roles) ? ofStaff() : await begin(tx, locked, caller);
  });
}

/**
 * Writes down that an admin has somebody erased. Undefined when that has been done.
 *
 * @throws ProblemError not_found, conflict for staff
 */
export async function requestErasureOf(
  { db }: Pick<Resources, 'db'>,
  admin: Caller,
  userId: string,
): Promise<ErasureTicket | undefined> {
  return await inTransaction(db, async (tx) => {
    const user = await lockUser(tx, userId);
    if (user !== undefined) {
      if (isStaff(user.roles)) throw ofStaff();
      return await begin(tx, user, admin);
    }
    if ((await findErasedUser(tx, userId)) === undefined) throw notFound();
    return undefined;
  });
}

async function begin(tx: Transaction<Tables>, user: User, { userId, ip }: Caller): Promise<ErasureTicket> {
  const begun = await beginErasure(tx, { userId: user.id, requestedBy: userId, ip: ip ?? null });
  if (begun === undefined) return 'busy';
  await recordAudit(tx, {
    actor: formatId('usr', userId),
    action: 'user.erasure_requested',
    resource: formatId('usr', user.id),
    ip,
  });
  return begun;
}

function wrongPassword(): ProblemError {
  return invalidCredentials('The password is wrong.');
}

function ofStaff(): ProblemError {
  return conflict('A member of the staff cannot be erased: an admin must take the roles away first.');
}
