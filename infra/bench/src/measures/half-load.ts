import type { BenchFleet } from '../fleet/bench-fleet.ts';
import { untilDrained, watchLag } from '../fleet/event-progress.ts';
import type { Measurement } from '../measurement.ts';
import { missingRow, type Row, rowOf } from '../report/row.ts';
import { type Bench, loadAndDrain, loadFleet, reasonOf } from './bench.ts';
import { transferCalls } from './transfers.ts';

const names = { half: 'gateway at half load, spread', events: 'events at half load' };
const most = { p99Ms: 50, lagSeconds: 2, drainSeconds: 10 };
const drainTarget = `≤ ${most.lagSeconds} s, ≤ ${most.drainSeconds} s`;

/**
 * Half of what the gateway can do, at an even rate: how long answers take, and how far the consumers of events are
 * behind. `full` is the gateway's row of spread transfers, where it was measured.
 */
export async function measureHalfLoad(bench: Bench, fleet: BenchFleet, full: Row | undefined): Promise<Row[]> {
  const order = { target: fleet.gateway, calls: transferCalls(fleet, 'spread') };
  try {
    bench.say(names.half);
    const rate = Math.floor((full?.perSecond ?? (await loadAndDrain(bench, fleet, order)).perSecond) / 2);
    const seconds = Math.max(8, bench.options.seconds * 2);
    const running = loadFleet(fleet, { ...order, seconds, rate });
    const lag = await watchLag(fleet.databaseUrl, running);
    const measurement = await running;
    const drained = await untilDrained(fleet.databaseUrl, most.drainSeconds * 3);
    return [halfRow(measurement, rate), eventsRow(rate, lag, drained)];
  } catch (error) {
    return Object.values(names).map((name) => missingRow(name, reasonOf(error)));
  }
}

function halfRow(measurement: Measurement, rate: number): Row {
  // Far fewer answers than asked for is an overload, whatever the times say.
  const kept = measurement.perSecond > rate * 0.95;
  const notes = [...measurement.notes, ...(kept ? [] : [`${rate} a second were asked for`])];
  const met = kept && (measurement.p99 ?? Number.POSITIVE_INFINITY) < most.p99Ms;
  return rowOf(names.half, { ...measurement, notes }, { target: `p99 < ${most.p99Ms} ms`, met });
}

function eventsRow(rate: number, lag: { accounts: number; notification: number }, drained: number | undefined): Row {
  const behind = `furthest behind: accounts ${lag.accounts.toFixed(1)} s, notification ${lag.notification.toFixed(1)} s`;
  const after = drained === undefined ? 'not drained in time' : `all consumed ${drained.toFixed(1)} s after the load`;
  const met =
    Math.max(lag.accounts, lag.notification) <= most.lagSeconds &&
    drained !== undefined &&
    drained <= most.drainSeconds;
  const empty = { perSecond: rate, p50: null, p99: null, batchSize: null };
  return rowOf(names.events, { ...empty, notes: [behind, after] }, { target: drainTarget, met });
}
