import { overloaded } from '../errors.ts';
import { passwordHashSeconds } from '../metrics.ts';
import { createHashBudget } from './hash-budget.ts';
import { hashHere, type PasswordHasher, unmatchableHash } from './password-hash.ts';
import { createTurns, type Turns } from './turns.ts';

/** Hashing and comparing, for whoever has a turn. Passwords are expected normalised. */
export interface PasswordWork {
  hash(password: string): Promise<string>;
  /** Without a stored hash the same work is done and the answer is false: an unknown email costs what a known one does. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
}

/** The only way to password hashing: a few turns at a time, since each costs 19 MiB and 20 ms of a core. */
export interface PasswordDesk {
  /**
   * Runs `work` when a turn is free; who has waited elsewhere tells since when (performance.now()).
   * @throws ProblemError 503 with Retry-After when too many wait already, or it has waited too long.
   */
  withTurn<Result>(work: (passwords: PasswordWork) => Promise<Result>, askedAt?: number): Promise<Result>;
}

export interface DeskLimits {
  /** Turns at a time. */
  readonly concurrency: number;
  /** Callers waiting for one. */
  readonly maxWaiting: number;
  /** Who has waited for so long is refused; no bound unless told. */
  readonly patienceMs?: number;
  /** What hashing takes in the long run, in percent of one core; as much as the turns can use unless told. */
  readonly cpuPercent?: number;
}

/** A desk with these limits, which hashes on threads of this process unless told where. */
export function createPasswordDesk(limits: DeskLimits, hasher: PasswordHasher = hashHere): PasswordDesk {
  const turns = createTurns(limits, () => overloaded('Too many sign-ins at the moment.'));
  const pace = createPace(limits);
  const passwords: PasswordWork = {
    hash: (password) => pace.run(() => timed(() => hasher.hash(password))),
    verify: (password, stored) =>
      pace.run(() =>
        timed(async () => (await hasher.verify(password, stored ?? unmatchableHash)) && stored !== undefined),
      ),
  };
  return { withTurn: (work, askedAt) => turns.run(() => work(passwords), askedAt) };
}

/** Hashes at a time: no more than their share of the processor can use, so that the other cores stay free. */
export function hashesAtOnce({ concurrency, cpuPercent = concurrency * 100 }: DeskLimits): number {
  return Math.ceil(cpuPercent / 100);
}

/** A hundred and fifty people at once are not to be told from a busy morning. */
const burstMs = 4_000;

/**
 * Keeps hashing to a share of the processor, after a burst, by rests between hashes. A low priority alone would not do:
 * it does not count between containers, where the system shares the cores before it looks at the processes.
 */
function createPace(limits: DeskLimits): Turns {
  const concurrency = hashesAtOnce(limits);
  const { cpuPercent = concurrency * 100 } = limits;
  const budget = createHashBudget({ concurrency, cpuPercent, burstMs });
  const restMs = (workedMs: number) => budget.restAfter(workedMs, performance.now());
  return createTurns({ concurrency, maxWaiting: Number.POSITIVE_INFINITY, restMs }, () =>
    overloaded('Too many passwords wait to be hashed.'),
  );
}

async function timed<Result>(work: () => Promise<Result>): Promise<Result> {
  const stop = passwordHashSeconds.startTimer();
  try {
    return await work();
  } finally {
    stop();
  }
}
