import type { PaymentState } from '../engine/command.ts';
import type { PaymentReport } from './providers/provider.ts';

/**
 * What a provider's report means for a payment.
 * `settle` and `fail` change it; `waiting` and `repeated` change nothing and are fine. `mismatch` (another amount,
 * currency or charge than ours) and `contradiction` (it ended otherwise before) change nothing and need somebody to look.
 */
export type Verdict = 'settle' | 'fail' | 'waiting' | 'repeated' | 'mismatch' | 'contradiction';

/** A payment ends once: what it has become is never changed by a later report. */
export function verdictOn(payment: PaymentState, report: PaymentReport): Verdict {
  const sameCharge = payment.providerReference === null || payment.providerReference === report.providerReference;
  if (!sameCharge || report.amount !== payment.amount || report.currency !== payment.currency) return 'mismatch';
  const { kind } = report.outcome;
  if (kind === 'pending') return payment.status === 'pending' ? 'waiting' : 'repeated';
  if (payment.status === 'pending') return kind === 'succeeded' ? 'settle' : 'fail';
  const reported = kind === 'succeeded' ? 'posted' : 'failed';
  return payment.status === reported ? 'repeated' : 'contradiction';
}

/** How long to wait before the next call about a payment. Milliseconds; `attempts` counts the calls made, from 1. */
export function nextCallDelayMs(baseMs: number, maxMs: number, attempts: number, random: number): number {
  const full = Math.min(baseMs * 2 ** (attempts - 1), Math.max(baseMs, maxMs));
  return Math.round(full * (1 - random / 4));
}
