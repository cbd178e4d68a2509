import type { TokenPurpose } from '../one-time-tokens/one-time-token.ts';

/** What identity writes to people about. Those of a purpose of tokens carry one. */
export type MailKind =
  | TokenPurpose
  | 'password_changed'
  | 'email_change_requested'
  | 'email_changed'
  | 'passkey_added'
  | 'passkey_removed';

/** How a mail ended: handed to the relay, not needed after all, or given up. */
export type MailEnd = 'sent' | 'dropped' | 'failed';

/** Mails with which one address is helped to a new password: so many within 24 hours, and so long between two. */
export const resetMails = { perDay: 10, pauseMs: 60_000 } as const;

/** Mails to new addresses that one user can ask for within 24 hours. */
export const emailChangesPerDay = 10;

const hour = 3_600_000;
const firstDelayMs = 5_000;
const longestDelayMs = hour;
const retryForMs: Record<MailKind, number> = {
  // Who asked for it an hour ago has asked again or given up.
  reset_password: hour,
  change_email: hour,
  verify_email: 72 * hour,
  password_changed: 72 * hour,
  email_change_requested: 72 * hour,
  email_changed: 72 * hour,
  passkey_added: 72 * hour,
  passkey_removed: 72 * hour,
};

/** Whether a mail that was asked for `ageMs` ago is of no more use. */
export function isTooLate(kind: MailKind, ageMs: number): boolean {
  return ageMs > retryForMs[kind];
}

/**
 * How long to wait after a failed attempt: 5 s, then twice as long each time, an hour at most, less up to a third of it
 * so that mails which failed together don't come again together. `attempts` counts the failed one; `random` is in [0, 1).
 */
export function retryDelayMs(attempts: number, random: number): number {
  const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempts - 1, 20));
  return Math.round(delay * (1 - random / 3));
}
