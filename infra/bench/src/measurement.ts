/** What one run measured. */
export interface Measurement {
  /** Requests or transfers, as the measure says. */
  readonly perSecond: number;
  /** Milliseconds; null where single calls are not timed. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Commands committed together, by the engine's own metric; null where no engine is in it. */
  readonly batchSize: number | null;
  /** Processor time per request by process, microseconds; where the system tells. */
  readonly cpu?: Readonly<Record<string, number>>;
  /** What went wrong or is worth knowing, in a few words. */
  readonly notes: readonly string[];
}

/** The middle one of an odd number of values, else the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** The value at that share (0 to 1) of a sorted list; null of none. */
export function percentile(sorted: ArrayLike<number>, share: number): number | null {
  const index = Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1);
  return sorted[Math.max(0, index)] ?? null;
}

/** Medians of each figure; the notes of all, each once. */
export function medianOf(runs: readonly Measurement[]): Measurement {
  const figure = (pick: (run: Measurement) => number | null) => {
    const known = runs.map(pick).filter((value) => value !== null);
    return known.length === 0 ? null : median(known);
  };
  return {
    perSecond: figure((run) => run.perSecond) ?? Number.NaN,
    p50: figure((run) => run.p50),
    p99: figure((run) => run.p99),
    batchSize: figure((run) => run.batchSize),
    ...medianCpu(runs),
    notes: [...new Set(runs.flatMap((run) => run.notes))],
  };
}

function medianCpu(runs: readonly Measurement[]): Pick<Measurement, 'cpu'> {
  const all = runs.flatMap(({ cpu }) => Object.entries(cpu ?? {}));
  if (all.length === 0) return {};
  const byName = Map.groupBy(all, ([name]) => name);
  return {
    cpu: Object.fromEntries(byName.entries().map(([name, times]) => [name, median(times.map(([, time]) => time))])),
  };
}
