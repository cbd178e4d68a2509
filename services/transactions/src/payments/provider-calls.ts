import CircuitBreaker from 'opossum';
import { providerCalls } from './payment-metrics.ts';
import type { PaymentOrder, PaymentProvider, PaymentReport, Submission } from './providers/provider.ts';

/** Longest time a call to a provider may take, in milliseconds. */
export const providerDeadlineMs = 2_000;

const breakerOptions = {
  // The deadline is the signal's, which also ends the connection.
  timeout: false,
  errorThresholdPercentage: 50,
  volumeThreshold: 5,
  rollingCountTimeout: 10_000,
  resetTimeout: 3_000,
} as const;

type Call<Answer> = (signal: AbortSignal) => Promise<Answer>;

/** A provider behind a deadline and a breaker: while it does not answer, calls fail at once. */
export interface GuardedProvider {
  /** How many of `wanted` calls make sense now: all, one to see whether it answers again, or none while it does not. */
  allowance(wanted: number): number;
  submit(order: PaymentOrder): Promise<Submission>;
  find(order: Pick<PaymentOrder, 'type' | 'reference'>): Promise<PaymentReport | undefined>;
  /** Breaks off the calls under way: their outcome is unknown. */
  close(): void;
}

/**
 * Puts a breaker and a deadline around a provider's calls and measures them. A refusal is an answer and does not open
 * the breaker; a call without a definite answer rejects.
 */
export function guardProvider(name: string, provider: PaymentProvider): GuardedProvider {
  const closing = new AbortController();
  const breaker = new CircuitBreaker<[Call<unknown>], unknown>(
    (call) => call(AbortSignal.any([AbortSignal.timeout(providerDeadlineMs), closing.signal])),
    breakerOptions,
  );

  async function measured<Answer>(call: Call<Answer>, outcomeOf: (answer: Answer) => string): Promise<Answer> {
    const stop = providerCalls.startTimer({ provider: name });
    let outcome = 'unclear';
    try {
      const answer = (await breaker.fire(call)) as Answer;
      outcome = outcomeOf(answer);
      return answer;
    } finally {
      stop({ outcome });
    }
  }

  return {
    allowance(wanted) {
      if (breaker.closed) return wanted;
      return breaker.pendingClose ? Math.min(1, wanted) : 0;
    },
    submit: (order) =>
      measured(
        (signal) => provider.submit(order, signal),
        (submission) => submission.kind,
      ),
    find: (order) =>
      measured(
        (signal) => provider.find(order, signal),
        (report) => (report ? 'found' : 'absent'),
      ),
    close() {
      closing.abort();
      breaker.shutdown();
    },
  };
}
