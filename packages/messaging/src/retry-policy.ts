/** Waits before the second, third, … attempt, in milliseconds: 1 s, 5 s, 30 s, 2 min, 10 min. */
export const defaultRetryDelaysMs: readonly number[] = [1_000, 5_000, 30_000, 120_000, 600_000];

/** The wait after this failed attempt (the first is 1), or undefined when there is no further one. */
export function delayAfter(attempt: number, delaysMs: readonly number[]): number | undefined {
  return delaysMs[attempt - 1];
}

/** What is kept of an error with a message: its name and text, shortened. */
export function describeFailure(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 500);
}
