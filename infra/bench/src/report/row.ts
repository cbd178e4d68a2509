import type { Measurement } from '../measurement.ts';

/** A line of the table. Null: does not apply, or was not measured. */
export interface Row {
  readonly measure: string;
  /** Of `perSecond` to that of what it is compared with, median over the rounds. */
  readonly ratio: number | null;
  /** What it should be, as text. */
  readonly target: string | null;
  readonly met: boolean | null;
  readonly perSecond: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly batchSize: number | null;
  /** Processor time per request by process, microseconds. */
  readonly cpu: Readonly<Record<string, number>> | null;
  readonly notes: readonly string[];
}

/** The row of a measurement; what is not said is null. */
export function rowOf(measure: string, measurement: Measurement, judged: Partial<Row> = {}): Row {
  const { perSecond, p50, p99, batchSize, cpu = null, notes } = measurement;
  return { measure, ratio: null, target: null, met: null, perSecond, p50, p99, batchSize, cpu, notes, ...judged };
}

/** The row of something that was not measured. */
export function missingRow(measure: string, why: string, target: string | null = null): Row {
  const empty = { ratio: null, met: null, perSecond: null, p50: null, p99: null, batchSize: null, cpu: null };
  return { measure, target, ...empty, notes: [why] };
}
