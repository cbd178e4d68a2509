import { Counter, Gauge, Histogram } from 'prom-client';

/**
 * How a login ended: `mfa_required` is a right password without the code that it needs, `failed` an error of ours, the
 * database's included.
 */
export type LoginOutcome = 'success' | 'wrong' | 'mfa_required' | 'mfa_invalid' | 'locked' | 'overloaded' | 'failed';

/** Logins by how they ended. */
export const logins = new Counter({
  name: 'logins_total',
  help: 'Logins by outcome',
  labelNames: ['outcome'],
});

/** Step-ups by how they ended, as logins do. */
export const stepUps = new Counter({
  name: 'step_ups_total',
  help: 'Step-ups by outcome',
  labelNames: ['outcome'],
});

/** Refreshes by decision; `revoke` means that a spent token came back. */
export const refreshes = new Counter({
  name: 'session_refreshes_total',
  help: 'Uses of refresh tokens by decision',
  labelNames: ['decision'],
});

/** One argon2 computation, without the wait for a turn. */
export const passwordHashSeconds = new Histogram({
  name: 'password_hash_seconds',
  help: 'Time of one password hash',
  buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
});

/** Attempts at mails by how they ended; `retried` ones come again. */
export const mailsEnded = new Counter({
  name: 'mails_total',
  help: 'Attempts to send a mail, by kind and outcome',
  labelNames: ['kind', 'outcome'],
});

/** Mails that have not gone out yet. */
export const mailsWaiting = new Gauge({ name: 'mails_waiting', help: 'Mails that wait to be sent' });

/** Grows where no relay is set, or the relay takes nothing. */
export const mailsOldestSeconds = new Gauge({
  name: 'mails_oldest_seconds',
  help: 'Age of the mail that waits for longest, 0 where none waits',
});

/** How long the signing key has signed. */
export const signingKeyAge = new Gauge({
  name: 'signing_key_age_seconds',
  help: 'Time since the key that signs tokens began to',
});

/** Negative means that the schedule is not kept. */
export const signingKeyDue = new Gauge({
  name: 'signing_key_rotation_due_seconds',
  help: 'Time until the next key signs, negative where it is overdue, +Inf without a schedule',
});

/** Attempts at erasures by how they ended; `later` ones come again. */
export const erasures = new Counter({
  name: 'erasures_total',
  help: 'Attempts to erase a person, by outcome',
  labelNames: ['outcome'],
});

/** Grows where the service accounts does not answer. */
export const erasuresOldestSeconds = new Gauge({
  name: 'erasures_oldest_seconds',
  help: 'Age of the wish to be erased that waits for longest, 0 where none waits',
});

/** Exports of personal data by how they ended; `broken` ones the client has to ask for again. */
export const dataExports = new Counter({
  name: 'data_exports_total',
  help: 'Exports of a person’s data, by outcome',
  labelNames: ['outcome'],
});
