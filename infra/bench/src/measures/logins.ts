import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchFleet } from '../fleet/bench-fleet.ts';
import type { Calls } from '../load/order.ts';
import { type Measurement, median, medianOf } from '../measurement.ts';
import { missingRow, type Row, rowOf } from '../report/row.ts';
import { type Bench, loadAndDrain, loadFleet, reasonOf } from './bench.ts';
import { transferCalls } from './transfers.ts';

const clients = 20;
const mostOfP99 = 1.2;
/** What the default share of a core allows on a slow machine: refusing everybody would be easy. */
const fewestPerSecond = 3;
// A process that has rested takes a hundred and fifty logins at once.
const burstSeconds = 6;
/** Who waits for a login when its client has gone is still served. */
const lastLoginsSeconds = 3;
/** Of what the gateway can do: enough to be seen in p99, and room for more. */
const shareOfFull = 1 / 4;
const target = `p99 ≤ ${mostOfP99} × without`;
const loginsName = `logins, ${clients} clients, beside that`;

/** A call at an even rate, alone and beside the logins, in turns. */
interface Turn {
  readonly alone: Measurement;
  readonly beside: Measurement;
  readonly logins: Measurement;
}

/** What people who log in without a pause cost everybody else: p99 of reads and of transfers without and with them. */
export async function measureLogins(bench: Bench, fleet: BenchFleet): Promise<Row[]> {
  const measured = [
    { name: 'GET balance', calls: { kind: 'balances', tokens: fleet.tokens } },
    { name: 'POST transfers', calls: transferCalls(fleet, 'spread') },
  ] as const;
  const rows: Row[] = [];
  const logins: Measurement[] = [];
  for (const { name, calls } of measured) {
    const measure = `${name} at a quarter of full load beside logins`;
    try {
      const turns = await takeTurns(bench, fleet, measure, calls);
      rows.push(...besideRows(measure, turns));
      logins.push(...turns.map((turn) => turn.logins));
    } catch (error) {
      rows.push(missingRow(measure, reasonOf(error), target));
    }
  }
  return logins.length === 0 ? rows : [...rows, loginsRow(medianOf(logins))];
}

async function takeTurns(bench: Bench, fleet: BenchFleet, measure: string, calls: Calls): Promise<Turn[]> {
  const full = await loadAndDrain(bench, fleet, { target: fleet.gateway, calls });
  const rate = Math.floor(full.perSecond * shareOfFull);
  // Of a few hundred calls the slowest hundredth is a handful.
  const seconds = Math.max(8, bench.options.seconds * 2);
  const even = () => loadFleet(fleet, { target: fleet.gateway, calls, seconds, rate });
  const besideLogins = async (): Promise<Omit<Turn, 'alone'>> => {
    const running = loadFleet(fleet, {
      target: fleet.gateway,
      calls: { kind: 'logins', people: fleet.people },
      seconds: seconds + burstSeconds,
      connections: clients,
    });
    await sleep(burstSeconds * 1000);
    const [beside, logins] = [await even(), await running];
    await sleep(lastLoginsSeconds * 1000);
    return { beside, logins: withoutCpu(logins) };
  };
  const turns: Turn[] = [];
  for (let round = 0; round < bench.options.rounds && (round === 0 || bench.secondsLeft() > 4 * seconds); round += 1) {
    bench.say(`${measure}, round ${round + 1}`);
    // In alternating order: what grows in the course of a run would be taken for the logins' doing.
    const before = round % 2 === 0 ? await even() : undefined;
    const withLogins = await besideLogins();
    turns.push({ alone: before ?? (await even()), ...withLogins });
  }
  return turns;
}

/** Two loads at once cannot be told apart by processor time. */
function withoutCpu({ cpu: _both, ...measurement }: Measurement): Measurement {
  return measurement;
}

function besideRows(measure: string, turns: readonly Turn[]): Row[] {
  const ratio = median(turns.map(({ alone, beside }) => (beside.p99 ?? Number.NaN) / (alone.p99 ?? Number.NaN)));
  const beside = withoutCpu(medianOf(turns.map((turn) => turn.beside)));
  return [
    rowOf(measure, beside, { ratio, target, met: ratio <= mostOfP99 }),
    rowOf('  without logins', medianOf(turns.map((turn) => turn.alone))),
  ];
}

function loginsRow(logins: Measurement): Row {
  const met = logins.perSecond >= fewestPerSecond;
  return rowOf(loginsName, { ...logins, batchSize: null }, { target: `≥ ${fewestPerSecond} a second`, met });
}
