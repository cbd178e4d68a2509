import { type ProblemError, problem } from '@florin/service';

/** Wrong email, wrong password, disabled user: one answer for all, so that it tells nothing about who is registered. */
export function invalidCredentials(detail = 'The email or password is wrong.'): ProblemError {
  return problem('invalid_credentials', detail);
}

/** The password is right, and a second factor is on: one of these, named in the member `methods` of the answer. */
export function mfaRequired(methods: readonly string[]): ProblemError {
  return problem('mfa_required', 'A code of the second factor, or a passkey, is needed.', { members: { methods } });
}

/** An answer of a passkey that proves nothing, whatever the reason: one for all. */
export function passkeyRefused(): ProblemError {
  return problem('invalid_credentials', 'The passkey was not accepted. Begin again.');
}

/** A code that is wrong, too old, or was used before. */
export function mfaInvalid(): ProblemError {
  return problem('mfa_invalid', 'The code is wrong or has been used.');
}

/** A refresh token that opens no session, whatever the reason; also a caller whose session ended while he was asking. */
export function sessionOver(): ProblemError {
  return problem('unauthenticated', 'The session has ended. Log in again.');
}

/** Too many wrong guesses for an email, registered or not. */
export function accountLocked(retryAfterSeconds: number): ProblemError {
  return problem('account_locked', 'Too many wrong passwords. Try again later.', { retryAfterSeconds });
}

/** Another user has the email. */
export function emailTaken(): ProblemError {
  return problem('email_taken', 'A user with this email exists already.');
}

/** No such thing, or not the caller's. */
export function notFound(): ProblemError {
  return problem('not_found', 'There is nothing here.');
}

/** The caller's roles do not reach that far. */
export function forbidden(detail: string): ProblemError {
  return problem('forbidden', detail);
}

/** The change would contradict the state of things. */
export function conflict(detail: string): ProblemError {
  return problem('conflict', detail);
}

/** One field of the body is wrong in a way that its schema cannot say. `pointer` is a JSON pointer. */
export function invalidField(pointer: string, message: string): ProblemError {
  return problem('validation_failed', 'The body does not have the required form.', { errors: [{ pointer, message }] });
}

/** A token from a mail that is unknown, spent or expired: one answer for all. */
export function invalidToken(): ProblemError {
  return invalidField('/token', 'is wrong, used or expired');
}

/** The process has as much waiting as it can finish in time. */
export function overloaded(detail: string): ProblemError {
  return problem('upstream_unavailable', detail, { retryAfterSeconds: 1 });
}
