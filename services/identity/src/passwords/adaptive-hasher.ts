import type { PasswordHasher } from './password-hash.ts';

/** Two ways to hash. */
export interface AdaptiveHashing {
  /** Takes what others leave idle. */
  readonly idle: PasswordHasher;
  /** Takes its turn like everybody. */
  readonly normal: PasswordHasher;
  /** A hash that has not been made in idle time by then is made in its turn; in milliseconds. */
  readonly overdueMs?: number;
}

/**
 * Hashes in idle time. Where there is hardly any, a hash is made in turn with everybody instead, so that people can still
 * log in; and so are the next ones, until the one that was overdue has come, and for twice as long as it took.
 */
export function createAdaptiveHasher({ idle, normal, overdueMs = 500 }: AdaptiveHashing): PasswordHasher {
  let reliefEndsAt = Number.NEGATIVE_INFINITY;

  async function run<Result>(work: (hasher: PasswordHasher) => Promise<Result>): Promise<Result> {
    const startedAt = performance.now();
    if (startedAt < reliefEndsAt) return await work(normal);
    const answer = work(idle);
    if (await comesWithin(answer, overdueMs)) return await answer;
    reliefEndsAt = Number.POSITIVE_INFINITY;
    const end = () => {
      const now = performance.now();
      reliefEndsAt = now + 2 * (now - startedAt);
    };
    answer.then(end, end);
    return await work(normal);
  }

  return {
    hash: (password) => run((hasher) => hasher.hash(password)),
    verify: (password, stored) => run((hasher) => hasher.verify(password, stored)),
  };
}

/** Whether a promise settles, either way, within so many milliseconds. */
async function comesWithin(answer: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: isLate, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const settled = () => true;
  try {
    return await Promise.race([answer.then(settled, settled), isLate]);
  } finally {
    clearTimeout(timer);
  }
}
