/** What hashing may take of the processor. */
export interface BudgetLimits {
  /** Hashes at a time. */
  readonly concurrency: number;
  /** In the long run, of one core. */
  readonly cpuPercent: number;
  /** As much may be spent at once, without a rest; milliseconds of a core. */
  readonly burstMs: number;
}

/** Tells how long to rest after a hash, so that hashing keeps to its share in the long run. */
export interface HashBudget {
  /** `workedMs`: how long the hash took; `nowMs`: any steady clock. Milliseconds. */
  restAfter(workedMs: number, nowMs: number): number;
}

/**
 * A budget that is full at the start. A hash costs what the quickest one so far took: where the machine is busy a hash takes
 * longer without working more, and logins would be slowed down twice.
 */
export function createHashBudget({ concurrency, cpuPercent, burstMs }: BudgetLimits): HashBudget {
  const share = cpuPercent / 100;
  let costMs = Number.POSITIVE_INFINITY;
  let spentMs = 0;
  let spentAt = 0;
  return {
    restAfter(workedMs, nowMs) {
      costMs = Math.min(costMs, workedMs);
      spentMs = Math.max(0, spentMs - (nowMs - spentAt) * share) + costMs;
      spentAt = nowMs;
      return spentMs > burstMs ? Math.max(0, (concurrency / share - 1) * costMs) : 0;
    },
  };
}
