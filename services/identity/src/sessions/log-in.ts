import type { ProofMethod } from '@florin/auth';
import { inTransaction, type Transaction } from '@florin/database';
import { formatId, ProblemError } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { accountLocked, invalidCredentials, mfaInvalid, mfaRequired } from '../errors.ts';
import { type LoginOutcome, logins } from '../metrics.ts';
import type { PasswordWork } from '../passwords/password-desk.ts';
import { normalisePassword } from '../passwords/password-policy.ts';
import { isPasswordUnchanged } from '../passwords/password-queries.ts';
import type { Resources } from '../resources.ts';
import { checkSecondFactor } from '../second-factor/check-second-factor.ts';
import { listFactorMethods } from '../second-factor/second-factor-queries.ts';
import type { Tables } from '../tables.ts';
import { normaliseEmail } from '../users/user.ts';
import { findCredentials } from '../users/user-queries.ts';
import { countGuess, forgetFailures, guessKey, takeBackGuess } from './guess-counter.ts';
import { recordRefusal } from './record-refusal.ts';
import { type SessionTokens, startSession } from './start-session.ts';

/** What a person logs in with, as it came. */
export interface Credentials {
  email: string;
  password: string;
  /** A code of the second factor; not looked at where none is on. */
  otp?: string;
  userAgent: string | undefined;
  /** The client's address, for its session and the audit log. */
  ip: string | undefined;
}

type LoginResources = Pick<Resources, 'db' | 'passwords' | 'loginLines' | 'secrets' | 'keyRing' | 'rules'>;

/**
 * Checks email, password and, where one is on, the second factor, and begins a session.
 *
 * Every guess is counted before it is looked at, and an unknown email costs the same work and gets the same answers as
 * a known one. Logins of one email run one at a time in a process: a guess counts as wrong while it is looked at, so ten
 * right ones at once would otherwise lock their own user out.
 *
 * @throws ProblemError invalid_credentials, mfa_required and mfa_invalid after a right password alone, account_locked,
 *   503 when too many wait already
 */
export async function logIn(resources: LoginResources, credentials: Credentials): Promise<SessionTokens> {
  const email = normaliseEmail(credentials.email);
  try {
    const tokens = await resources.loginLines.run(email, (askedAt) =>
      resources.passwords.withTurn((desk) => checkAndStart(resources, desk, { ...credentials, email }), askedAt),
    );
    logins.inc({ outcome: 'success' });
    return tokens;
  } catch (error) {
    logins.inc({ outcome: outcomeOf(error) });
    throw error;
  }
}

async function checkAndStart(
  resources: LoginResources,
  desk: PasswordWork,
  credentials: Credentials,
): Promise<SessionTokens> {
  const { db, secrets } = resources;
  const key = guessKey(secrets.guessedEmails, credentials.email);
  const permission = await countGuess(db, key);
  if (!permission.allowed) throw accountLocked(permission.retryAfterSeconds);
  const account = await findCredentials(db, credentials.email);
  const matches = await desk.verify(normalisePassword(credentials.password), account?.passwordHash);
  const isRight = account !== undefined && matches && account.status === 'active';
  const outcome = isRight
    ? await inTransaction(db, (tx) =>
        enter(resources, tx, { userId: account.id, passwordHash: account.passwordHash, key, ...credentials }),
      )
    : invalidCredentials();
  if (!(outcome instanceof ProblemError)) return outcome;
  await recordRefusal(db, outcome.code, { userId: account?.id, ip: credentials.ip, locks: permission.locks });
  throw outcome;
}

interface Entrance extends Omit<Credentials, 'email' | 'password'> {
  userId: string;
  /** The one that the password fitted. */
  passwordHash: string;
  key: Buffer;
}

/**
 * What follows a right password: one transaction, so that a code is used up exactly when a session begins. Returns the
 * refusal, if it is one: what was counted and used up stays so.
 */
async function enter(
  resources: LoginResources,
  tx: Transaction<Tables>,
  { userId, passwordHash, key, otp, userAgent, ip }: Entrance,
): Promise<SessionTokens | ProblemError> {
  // A login that looked at the password before a change of it must not begin a session after it.
  if (!(await isPasswordUnchanged(tx, userId, passwordHash))) return invalidCredentials();
  const factor = await checkSecondFactor(resources, tx, userId, otp);
  if (factor === 'wrong') return mfaInvalid();
  if (factor === 'missing') {
    await takeBackGuess(tx, key);
    return mfaRequired(await listFactorMethods(tx, userId));
  }
  const provenBy: ProofMethod[] = factor === 'right' ? ['pwd', 'otp'] : ['pwd'];
  const tokens = await startSession(resources, tx, { userId, userAgent, ip, provenBy });
  if (tokens === undefined) return invalidCredentials();
  await forgetFailures(tx, key);
  const user = formatId('usr', userId);
  const details = { secondFactor: factor === 'right' };
  await recordAudit(tx, { actor: user, action: 'login.succeeded', resource: user, details, ip });
  return tokens;
}

/** How a login ended that threw this, for the metric. */
export function outcomeOf(error: unknown): LoginOutcome {
  const code = error instanceof ProblemError ? error.code : undefined;
  if (code === 'invalid_credentials') return 'wrong';
  if (code === 'mfa_required' || code === 'mfa_invalid') return code;
  if (code === 'account_locked') return 'locked';
  return code === 'upstream_unavailable' ? 'overloaded' : 'failed';
}
