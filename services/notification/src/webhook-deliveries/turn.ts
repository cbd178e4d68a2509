import { nextAttemptAt, restMs } from './retry-schedule.ts';
import type { SendResult } from './send-webhook.ts';
import type { DueDelivery, NextStep, Turn, TurnEnd } from './turn-queries.ts';

/** Requests to one endpoint at a time. */
export const mostAtOnce = 8;

/** How many deliveries a turn takes: one to see whether an endpoint that fails works again. */
export function turnSize({ failingSince }: Pick<Turn, 'failingSince'>): number {
  return failingSince === null ? mostAtOnce : 1;
}

/** Whether the receiver has taken a webhook: with any 2xx and nothing else. */
export function isTaken(result: SendResult): boolean {
  return 'status' in result && result.status >= 200 && result.status < 300;
}

/** How a delivery goes on after an attempt at this moment. `random` is 0 to 1. */
export function nextStep(
  { tries, firstFailedAt }: Pick<DueDelivery, 'tries' | 'firstFailedAt'>,
  result: SendResult,
  at: Date,
  random: number,
): NextStep {
  if (isTaken(result)) return { status: 'succeeded' };
  const first = firstFailedAt ?? at;
  const next = nextAttemptAt({ tries: tries + 1, firstFailedAt: first, now: at }, random);
  if (next === undefined) return { status: 'failed', firstFailedAt: first };
  return { status: 'pending', firstFailedAt: first, nextAttemptAt: next };
}

/** A delivery of a turn and what came of it. */
export interface Attempted {
  readonly at: Date;
  readonly result: SendResult;
  readonly next: NextStep;
}

/** How the endpoint stands after a turn. One success is enough for a new start; a turn in which nothing was sent changes nothing. */
export function turnEnd(turn: Turn, attempted: readonly Attempted[], now: Date, random: number): TurnEnd {
  const { failures, failingSince } = turn;
  if (attempted.length === 0) return { failures, failingSince, restingUntil: null };
  if (attempted.some(({ result }) => isTaken(result))) return { failures: 0, failingSince: null, restingUntil: null };
  const first = Math.min(...attempted.map(({ at }) => at.getTime()));
  return {
    failures: failures + 1,
    failingSince: failingSince ?? new Date(first),
    restingUntil: new Date(now.getTime() + restMs(failures + 1, random)),
  };
}

/**
 * Why the endpoint is to be disabled after a turn; undefined when it is not. It says itself that it is gone; or a delivery was
 * given up, and there has been no success since before the first attempt at it.
 */
export function disablingReason(
  { failingSince }: TurnEnd,
  attempted: readonly Attempted[],
): 'gone' | 'failing' | undefined {
  if (failingSince === null) return undefined;
  if (attempted.some(({ result }) => 'status' in result && result.status === 410)) return 'gone';
  const throughout = attempted.some(({ next }) => next.status === 'failed' && failingSince <= next.firstFailedAt);
  return throughout ? 'failing' : undefined;
}
