const secondMs = 1_000;
const hourMs = 3_600 * secondMs;

/** For how long a delivery is tried, from its first failed attempt to its last one. */
export const tryForMs = 72 * hourMs;
const firstPauseMs = 5 * secondMs;
const longestPauseMs = 6 * hourMs;

const firstRestMs = secondMs;
const longestRestMs = 300 * secondMs;

/** Doubled each time up to the longest, with up to a quarter taken off at random, so that what failed together does not return in step. */
function backOff(firstMs: number, longestMs: number, failures: number, random: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(failures - 1, 40), longestMs);
  return Math.round(full * (1 - random / 4));
}

/**
 * When a failed delivery is tried again; undefined when it has been tried for long enough. The last attempt is made at the very
 * end of that time. `tries` counts those made, from 1; `random` is 0 to 1.
 */
export function nextAttemptAt(
  { tries, firstFailedAt, now }: { tries: number; firstFailedAt: Date; now: Date },
  random: number,
): Date | undefined {
  const end = firstFailedAt.getTime() + tryForMs;
  if (now.getTime() >= end) return undefined;
  return new Date(Math.min(now.getTime() + backOff(firstPauseMs, longestPauseMs, tries, random), end));
}

/**
 * How long an endpoint that fails is left alone, whatever else is due for it: one that takes nothing shall cost neither itself nor
 * the others an attempt for each event. `failures` counts turns without a success, from 1.
 */
export function restMs(failures: number, random: number): number {
  return backOff(firstRestMs, longestRestMs, failures, random);
}
