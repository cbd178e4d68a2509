import type { BenchFleet } from '../fleet/bench-fleet.ts';
import { untilDrained } from '../fleet/event-progress.ts';
import type { Floor, Shape } from '../floor.ts';
import { load, otherAnswers } from '../load/load.ts';
import type { Calls, LoadOrder } from '../load/order.ts';
import { type Measurement, median, medianOf } from '../measurement.ts';
import type { BenchOptions } from '../options.ts';
import { missingRow, type Row, rowOf } from '../report/row.ts';
import { vacuumAll } from '../servers/postgres.ts';

export const connections = 64;
const warmUpSeconds = 1;
const drainSeconds = 60;

/** What measures work with. */
export interface Bench {
  readonly options: BenchOptions;
  /** As superuser. */
  readonly serverUrl: string;
  /** Undefined where pgbench is not installed. */
  readonly floor: Floor | undefined;
  /** Tells the person who waits what is going on. */
  say(text: string): void;
  /** Seconds until no further run may begin. */
  secondsLeft(): number;
}

/** One thing to measure against the floor. */
export interface Comparison {
  readonly measure: string;
  readonly shape: Shape;
  /** The least ratio that is good. */
  readonly least: number;
  run(): Promise<Measurement>;
}

/** Lets floor and measure take turns, so that a drift of the machine meets both. Two rows: the floor's and the measure's. */
export async function compareWithFloor(bench: Bench, { measure, shape, least, run }: Comparison): Promise<Row[]> {
  const target = `≥ ${least} × floor`;
  const floors: Measurement[] = [];
  const runs: Measurement[] = [];
  try {
    for (let round = 0; round < bench.options.rounds && hasTime(bench, runs); round += 1) {
      bench.say(`${measure}, round ${round + 1}`);
      // Else the server would do it by itself, a second of work, in one turn or another.
      await vacuumAll(bench.serverUrl);
      if (bench.floor !== undefined) floors.push(await bench.floor.measure(shape, bench.options.seconds));
      runs.push(await run());
    }
  } catch (error) {
    return [missingRow(measure, reasonOf(error), target)];
  }
  if (runs.length === 0) return [missingRow(measure, 'no time was left', target)];
  const floorName = `  its floor: pgbench, ${shape}`;
  if (floors.length === 0) {
    return [missingRow(floorName, 'pgbench is not installed'), rowOf(measure, medianOf(runs), { target })];
  }
  const ratio = median(runs.map((one, round) => one.perSecond / (floors[round]?.perSecond ?? Number.NaN)));
  return [rowOf(measure, medianOf(runs), { ratio, target, met: ratio >= least }), rowOf(floorName, medianOf(floors))];
}

function hasTime({ secondsLeft }: Bench, runs: readonly Measurement[]): boolean {
  return secondsLeft() > (runs.length === 0 ? 20 : 40);
}

/** An error's message. */
export function reasonOf(error: unknown): string {
  return `it could not be measured: ${error instanceof Error ? error.message : error}`;
}

/** When there was load, in nanoseconds of the system's steady clock: the part of a CPU profile that matters. */
export const loadedTimes: [bigint, bigint][] = [];

/** One run of load against the fleet, and what it cost each process. */
export async function loadFleet(
  fleet: BenchFleet,
  order: Pick<LoadOrder, 'target' | 'seconds' | 'calls'> & Partial<LoadOrder>,
  transfersPerCall = 1,
): Promise<Measurement> {
  const [batchesBefore, cpuBefore] = [await fleet.batches(), await fleet.cpu()];
  const from = process.hrtime.bigint();
  const result = await load({ connections, warmUpSeconds, ...order });
  loadedTimes.push([from, process.hrtime.bigint()]);
  const [batchesAfter, cpuAfter] = [await fleet.batches(), await fleet.cpu()];
  const batches = batchesAfter.batches - batchesBefore.batches;
  const cpu = [...cpuAfter, ['load generator', result.cpuSeconds] as const].map(([name, used]): [string, number] => [
    name,
    ((used - (cpuBefore.get(name) ?? 0)) * 1e6) / result.total,
  ]);
  return {
    perSecond: result.perSecond * transfersPerCall,
    p50: result.p50,
    p99: result.p99,
    batchSize: batches === 0 ? null : (batchesAfter.commands - batchesBefore.commands) / batches,
    cpu: Object.fromEntries(cpu.filter(([, microseconds]) => microseconds >= 2)),
    notes: otherAnswers(result),
  };
}

/** As `loadFleet`, then waits until all events have been consumed, so that the next run finds a fleet at rest. */
export async function loadAndDrain(
  bench: Bench,
  fleet: BenchFleet,
  order: { target: string; calls: Calls; connections?: number; seconds?: number },
  transfersPerCall = 1,
): Promise<Measurement> {
  const measurement = await loadFleet(fleet, { seconds: bench.options.seconds, ...order }, transfersPerCall);
  const limit = Math.min(drainSeconds, Math.max(1, bench.secondsLeft()));
  const drained = await untilDrained(fleet.databaseUrl, limit);
  if (drained !== undefined) return measurement;
  const notes = [...measurement.notes, `its events were not consumed ${Math.round(limit)} s later`];
  return { ...measurement, notes };
}
