import { overloaded } from '../errors.ts';
import { passwordHashSeconds } from '../metrics.ts';
import { hashPassword, unmatchableHash, verifyPassword } from './password-hash.ts';
import { createTurns } from './turns.ts';

/** Hashing and comparing, for whoever has a turn. Passwords are expected normalised. */
export interface PasswordWork {
  hash(password: string): Promise<string>;
  /** Without a stored hash the same work is done and the answer is false: an unknown email costs what a known one does. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
}

/** The only way to password hashing: a few turns at a time, since each costs 19 MiB and 20 ms of a core. */
export interface PasswordDesk {
  /** Runs `work` when a turn is free. @throws ProblemError 503 with Retry-After at once when too many wait already. */
  withTurn<Result>(work: (passwords: PasswordWork) => Promise<Result>): Promise<Result>;
}

/** A desk with so many turns at a time and so many callers waiting at most. */
export function createPasswordDesk(limits: { concurrency: number; maxWaiting: number }): PasswordDesk {
  const turns = createTurns(limits, () => overloaded('Too many sign-ins at the moment.'));
  const passwords: PasswordWork = {
    hash: (password) => timed(() => hashPassword(password)),
    verify: (password, stored) =>
      timed(async () => (await verifyPassword(password, stored ?? unmatchableHash)) && stored !== undefined),
  };
  return { withTurn: (work) => turns.run(() => work(passwords)) };
}

async function timed<Result>(work: () => Promise<Result>): Promise<Result> {
  const stop = passwordHashSeconds.startTimer();
  try {
    return await work();
  } finally {
    stop();
  }
}
