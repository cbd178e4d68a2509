// A program: loads one address for some seconds and tells how it answered. Argument: file with a LoadOrder as JSON;
// output: a LoadResult as JSON. It ends by itself. Not autocannon: that sends a second's share of a rate in one burst,
// and what bursts do to p99 is not what an even rate does.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../measurement.ts';
import { callTexts, type NextCall } from './call-texts.ts';
import { HttpConnection } from './http-connection.ts';
import type { LoadOrder, LoadResult } from './order.ts';

const lateAnswersMs = 5000;

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LoadOrder;
process.stdout.write(`${JSON.stringify(await load(order))}\n`);
process.exit(0);

interface Clock {
  readonly start: number;
  /** Answers before that don't count, and none after `ends`. */
  readonly began: number;
  readonly ends: number;
  /** Between the calls of one connection; undefined without a rate. */
  readonly intervalMs: number | undefined;
}

interface Tally {
  readonly expected: number;
  readonly times: number[];
  readonly others: Record<string, number>;
  total: number;
}

async function load({ target, connections, seconds, warmUpSeconds, rate, calls }: LoadOrder): Promise<LoadResult> {
  const { next, expected } = callTexts(new URL(target).host, calls);
  const open = Array.from({ length: connections }, () => new HttpConnection(target));
  const cpu = process.cpuUsage();
  const start = performance.now();
  const began = start + warmUpSeconds * 1000;
  const ends = began + seconds * 1000;
  const intervalMs = rate === undefined ? undefined : (connections * 1000) / rate;
  const clock: Clock = { start, began, ends, intervalMs };
  const tally: Tally = { expected, times: [], others: {}, total: 0 };
  const driving = open.map((connection, index) => drive(connection, index / connections, next, clock, tally));
  await Promise.race([Promise.all(driving), sleep(ends - start + lateAnswersMs, undefined, { ref: false })]);
  for (const connection of open) connection.close();
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(tally.times).sort();
  return {
    answers: sorted.length,
    total: tally.total,
    cpuSeconds: (user + system) / 1e6,
    perSecond: sorted.length / seconds,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    others: tally.others,
  };
}

/** Calls until the end, one call after the other. `share` of the interval is when the first of a rate is due. */
async function drive(
  connection: HttpConnection,
  share: number,
  next: NextCall,
  { start, began, ends, intervalMs }: Clock,
  tally: Tally,
): Promise<void> {
  let due = start + share * (intervalMs ?? 0);
  for (;;) {
    const wait = due - performance.now();
    // A timer of less than a millisecond waits a whole one: better a little early.
    if (wait >= 1) await sleep(Math.floor(wait));
    const sent = performance.now();
    if (sent >= ends) return;
    const status = await connection.call(next());
    const done = performance.now();
    tally.total += 1;
    // With a rate, a call counts from when it was due: a server that stalls makes all behind it late.
    if (done >= began && done < ends)
      record(tally, status, done - (intervalMs === undefined ? sent : Math.min(due, sent)));
    if (status === 0) await sleep(100);
    due = intervalMs === undefined ? done : due + intervalMs;
  }
}

function record({ expected, times, others }: Tally, status: number, time: number): void {
  if (status === expected) times.push(time);
  else others[status] = (others[status] ?? 0) + 1;
}
