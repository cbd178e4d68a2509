import { createHmac } from 'node:crypto';
import { userRegistered } from '@florin/contracts';
import { appendEvents, type IdempotentAnswer, newEvent, runIdempotently, type Transaction } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { recordAudit } from '../audit/record-audit.ts';
import { emailTaken, invalidField } from '../errors.ts';
import { queueMail } from '../mail/mail-queries.ts';
import { normalisePassword, passwordFault } from '../passwords/password-policy.ts';
import type { Resources } from '../resources.ts';
import type { Tables } from '../tables.ts';
import { canonicalLocale, normaliseEmail, type User, viewUser } from './user.ts';
import { insertUser, isEmailTaken } from './user-queries.ts';

const defaultLocale = 'en';

/** What a person registers with, as it came. */
export interface Registration {
  email: string;
  password: string;
  name: string;
  locale?: string | undefined;
}

/** The request behind a registration, for its replays. */
export interface RegistrationRequest {
  key: string | undefined;
  fingerprint: Buffer;
  /** The client's address, for the audit log. */
  ip?: string | undefined;
}

/**
 * Registers a customer; user, event, the mail to ask for and idempotency key are one transaction.
 *
 * @throws ProblemError validation_failed for a password or locale that cannot be used, email_taken, 503 when too many
 *   passwords wait to be hashed.
 */
export async function registerUser(
  resources: Pick<Resources, 'db' | 'passwords' | 'secrets'>,
  registration: Registration,
  request: RegistrationRequest,
): Promise<IdempotentAnswer> {
  const { user, password } = prepare(registration);
  // Without a key there is nothing to replay: a taken email needs no hash.
  if (request.key === undefined && (await isEmailTaken(resources.db, user.email))) throw emailTaken();
  // Before the transaction: a hash takes too long to hold a connection meanwhile.
  const hash = await resources.passwords.withTurn((desk) => desk.hash(password));
  const call = {
    caller: `anonymous:${user.email}`,
    key: request.key,
    fingerprint: createHmac('sha256', resources.secrets.fingerprints).update(request.fingerprint).digest(),
  };
  return await runIdempotently(resources.db, call, async (tx) => {
    if (!(await addUser(tx, user, hash))) throw emailTaken();
    await queueMail(tx, 'verify_email', user.id);
    const id = formatId('usr', user.id);
    await recordAudit(tx, { actor: id, action: 'user.registered', resource: id, ip: request.ip });
    const { locale: _locale, status: _status, ...body } = viewUser(user);
    return { status: 201, body };
  });
}

/** Stores the user and tells the other services; false, and nothing done, when the email is taken. */
export async function addUser(tx: Transaction<Tables>, user: User, passwordHash: string): Promise<boolean> {
  if (!(await insertUser(tx, user, passwordHash))) return false;
  const { id, email, name, locale } = viewUser(user);
  const data = { user: { id, email, name, locale } };
  await appendEvents(tx, [newEvent(userRegistered, { source: 'florin/identity', subject: id, data })]);
  return true;
}

/** A new user with what everybody begins with. */
export function newUser(facts: Pick<User, 'email' | 'name' | 'roles'> & Partial<User>): User {
  return {
    id: newUuid(),
    locale: defaultLocale,
    status: 'active',
    kycLevel: 'none',
    emailVerifiedAt: null,
    createdAt: new Date(),
    ...facts,
  };
}

function prepare(registration: Registration): { user: User; password: string } {
  const email = normaliseEmail(registration.email);
  const password = normalisePassword(registration.password);
  const fault = passwordFault(password, { email, name: registration.name });
  if (fault !== undefined) throw invalidField('/password', fault);
  const locale = canonicalLocale(registration.locale ?? defaultLocale);
  if (locale === undefined) throw invalidField('/locale', 'must be a BCP 47 language tag');
  return { user: newUser({ email, name: registration.name, locale, roles: ['customer'] }), password };
}
