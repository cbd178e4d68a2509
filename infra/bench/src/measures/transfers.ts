import type { BenchFleet } from '../fleet/bench-fleet.ts';
import type { Shape } from '../floor.ts';
import type { Calls } from '../load/order.ts';
import type { Row } from '../report/row.ts';
import { accountCount } from '../seed.ts';
import { type Bench, compareWithFloor, connections, loadAndDrain } from './bench.ts';

/** Transfers by that many customers, or from the one hot account. */
export function transferCalls({ tokens }: BenchFleet, shape: Shape): Calls {
  return { kind: 'transfers', tokens, shape, accounts: accountCount };
}

const warmUpSeconds = 30;

/** Lets a fleet that has just started compile its code and fill its caches, as one that has run for a while has done. */
export async function warmUp(bench: Bench, fleet: BenchFleet): Promise<void> {
  const order = { target: fleet.gateway, calls: transferCalls(fleet, 'spread'), seconds: warmUpSeconds };
  await loadAndDrain(bench, fleet, order);
}

/** POST /v1/transfers at one address, spread and hot, against the floor. */
export async function measureTransfers(
  bench: Bench,
  fleet: BenchFleet,
  { name, target, least }: { name: string; target: string; least: Record<Shape, number> },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const shape of ['spread', 'hot'] as const) {
    const run = () => loadAndDrain(bench, fleet, { target, calls: transferCalls(fleet, shape) });
    const measure = `${name}, ${connections} connections, ${shape}`;
    rows.push(...(await compareWithFloor(bench, { measure, shape, least: least[shape], run })));
  }
  return rows;
}

const batchLength = 500;
const batchConnections = 4;

/** POST /v1/transfers/batch through the gateway, in transfers a second. */
export async function measureBatches(bench: Bench, fleet: BenchFleet): Promise<Row[]> {
  const { gateway: target, tokens } = fleet;
  const calls: Calls = { kind: 'batches', tokens, size: batchLength };
  const run = async () => {
    const order = { target, calls, connections: batchConnections };
    const measurement = await loadAndDrain(bench, fleet, order, batchLength);
    if (measurement.perSecond === 0) throw new Error(whyNone(measurement.notes));
    return measurement;
  };
  const measure = `gateway, batches of ${batchLength}, transfers`;
  return await compareWithFloor(bench, { measure, shape: 'spread', least: 1.2, run });
}

function whyNone(notes: readonly string[]): string {
  const isMissing = notes.some((note) => note.endsWith('× 404'));
  return isMissing ? 'the gateway has no such route (404)' : `no batch was answered with 200 (${notes.join(', ')})`;
}
