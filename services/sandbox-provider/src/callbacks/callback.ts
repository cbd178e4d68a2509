/** How a retry is spaced: the first pause and the longest one, in milliseconds. */
export interface RetryPolicy {
  baseMs: number;
  maxMs: number;
}

/**
 * The pause before the next attempt: doubled each time up to the maximum, with up to a quarter taken off at random so
 * that many failed webhooks do not return in step. `attempts` counts those made, from 1; `random` is 0 to 1.
 */
export function retryDelayMs(policy: RetryPolicy, attempts: number, random: number): number {
  const full = Math.min(policy.baseMs * 2 ** (attempts - 1), policy.maxMs);
  return Math.round(full * (1 - random / 4));
}

/** What the receiver did with a webhook: its HTTP status, or why there was none. */
export type Answer = { status: number } | { error: string };

/**
 * Whether a webhook needs no further attempt. A real one is done with a 2xx only. A forged one is done once the
 * receiver has refused it: an attacker does not wait for success.
 */
export function isDone(callback: { forged: boolean }, answer: Answer): boolean {
  if ('error' in answer) return false;
  if (callback.forged) return answer.status < 500;
  return answer.status >= 200 && answer.status < 300;
}
