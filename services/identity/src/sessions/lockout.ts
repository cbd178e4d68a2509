const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Wrong guesses in a row that are free; the tenth one locks. */
export const freeGuesses = 10;
/** Wrong guesses that one email gets within 24 hours, however they are spread. */
export const guessesPerDay = 100;

const firstLockMs = 30_000;
const longestLockMs = hour;
/** After so long without a guess the row of failures is forgotten; the day's count is not. */
const quietMs = hour;

/** The guesses at one email's password so far. */
export interface GuessRecord {
  /** Guesses since the last success or quiet hour, each counted before it is looked at. */
  failures: number;
  lastGuessAt: Date;
  lockedUntil: Date | null;
  dayStartedAt: Date;
  dayGuesses: number;
}

/** Whether one more guess may be looked at: then `record` is what to store first. */
export type GuessVerdict = { allowed: true; record: GuessRecord } | { allowed: false; retryAfterMs: number };

/** The record of an email that nobody has guessed at. */
export function noGuesses(now: Date): GuessRecord {
  return { failures: 0, lastGuessAt: now, lockedUntil: null, dayStartedAt: now, dayGuesses: 0 };
}

/**
 * Takes one guess at `now`. The guess counts as wrong until `afterSuccess` says otherwise.
 *
 * From the tenth wrong guess in a row each one locks the email, for 30 s, then twice as long each time, an hour at most.
 */
export function takeGuess(before: GuessRecord, now: Date): GuessVerdict {
  const lockedFor = (before.lockedUntil?.getTime() ?? 0) - now.getTime();
  if (lockedFor > 0) return { allowed: false, retryAfterMs: lockedFor };
  const newDay = now.getTime() - before.dayStartedAt.getTime() >= day;
  if (!newDay && before.dayGuesses >= guessesPerDay) {
    return { allowed: false, retryAfterMs: before.dayStartedAt.getTime() + day - now.getTime() };
  }
  const lastEvent = Math.max(before.lastGuessAt.getTime(), before.lockedUntil?.getTime() ?? 0);
  const failures = (now.getTime() - lastEvent >= quietMs ? 0 : before.failures) + 1;
  return {
    allowed: true,
    record: {
      failures,
      lastGuessAt: now,
      lockedUntil: failures < freeGuesses ? null : new Date(now.getTime() + lockMs(failures)),
      dayStartedAt: newDay ? now : before.dayStartedAt,
      dayGuesses: (newDay ? 0 : before.dayGuesses) + 1,
    },
  };
}

/** The record once the guess was right: the failures are forgotten, the day's other wrong guesses stay counted. */
export function afterSuccess(record: GuessRecord): GuessRecord {
  return { ...record, failures: 0, lockedUntil: null, dayGuesses: Math.max(0, record.dayGuesses - 1) };
}

/**
 * The record as if the last guess had not been made: it turned out to be none. The failures before it stay counted.
 * The lock goes with it: it came with this guess, or with a later one that would have been free without this one.
 */
export function withoutGuess(record: GuessRecord): GuessRecord {
  return {
    ...record,
    failures: Math.max(0, record.failures - 1),
    lockedUntil: null,
    dayGuesses: Math.max(0, record.dayGuesses - 1),
  };
}

/** Whether nobody may guess after this guess for a while. */
export function isLocked(record: GuessRecord): boolean {
  return record.lockedUntil !== null || record.dayGuesses >= guessesPerDay;
}

function lockMs(failures: number): number {
  return Math.min(longestLockMs, firstLockMs * 2 ** Math.min(failures - freeGuesses, 20));
}
