import type { BenchFleet } from '../fleet/bench-fleet.ts';
import { type Measurement, median, medianOf } from '../measurement.ts';
import { missingRow, type Row, rowOf } from '../report/row.ts';
import { startNginx } from '../servers/nginx.ts';
import { type Bench, connections, loadFleet, reasonOf } from './bench.ts';

const names = {
  direct: 'GET balance at the service',
  nginx: 'GET balance through nginx',
  gateway: 'GET balance through the gateway',
  added: 'gateway at half load, p50 added',
};
const leastOfNginx = 0.3;
const mostAddedMs = 2;

/** What the gateway costs: one route at the service, through a plain nginx and through the gateway, in turns. */
export async function measureProxying(bench: Bench, fleet: BenchFleet): Promise<Row[]> {
  try {
    const nginx = await startNginx(fleet.service);
    try {
      return await compare(bench, fleet, nginx?.url);
    } finally {
      await nginx?.stop();
    }
  } catch (error) {
    return Object.values(names).map((name) => missingRow(name, reasonOf(error)));
  }
}

async function compare(bench: Bench, fleet: BenchFleet, nginx: string | undefined): Promise<Row[]> {
  const { options, say, secondsLeft } = bench;
  const calls = { kind: 'balances', tokens: fleet.tokens } as const;
  const run = (target: string, rate?: number) =>
    loadFleet(fleet, { target, calls, seconds: options.seconds, ...(rate === undefined ? {} : { rate }) });
  const runs: { direct: Measurement; gateway: Measurement; nginx: Measurement | undefined }[] = [];
  for (let round = 0; round < options.rounds && (round === 0 || secondsLeft() > 40); round += 1) {
    say(`gateway and nginx, round ${round + 1}`);
    const [direct, proxied] = [await run(fleet.service), nginx === undefined ? undefined : await run(nginx)];
    runs.push({ direct, nginx: proxied, gateway: await run(fleet.gateway) });
  }
  const gateway = medianOf(runs.map((round) => round.gateway));
  const half = Math.floor(gateway.perSecond / 2);
  const even: { plain: Measurement; through: Measurement }[] = [];
  for (let round = 0; round < options.rounds && (round === 0 || secondsLeft() > 20); round += 1) {
    say(`${names.added}, round ${round + 1}`);
    even.push({ plain: await run(fleet.service, half), through: await run(fleet.gateway, half) });
  }
  const [plain, through] = [medianOf(even.map((round) => round.plain)), medianOf(even.map((round) => round.through))];
  return [...throughputRows(runs, gateway), addedRow(plain, through)];
}

function throughputRows(
  runs: readonly { direct: Measurement; gateway: Measurement; nginx: Measurement | undefined }[],
  gateway: Measurement,
): Row[] {
  const target = `≥ ${leastOfNginx} × nginx`;
  const directRow = rowOf(names.direct, medianOf(runs.map(({ direct }) => direct)));
  const proxied = runs.flatMap((round) => (round.nginx === undefined ? [] : [round.nginx]));
  if (proxied.length === 0) {
    return [directRow, missingRow(names.nginx, 'nginx is not installed'), rowOf(names.gateway, gateway, { target })];
  }
  const ratio = median(runs.map((round) => round.gateway.perSecond / (round.nginx?.perSecond ?? Number.NaN)));
  const ofDirect = median(runs.map((round) => round.gateway.perSecond / round.direct.perSecond));
  const notes = [...gateway.notes, `${ofDirect.toFixed(2)} × the service alone, ${connections} connections`];
  const judged = { ratio, target, met: ratio >= leastOfNginx };
  return [directRow, rowOf(names.nginx, medianOf(proxied)), rowOf(names.gateway, { ...gateway, notes }, judged)];
}

/** At an even rate that both can do: at full load p50 is nothing but connections divided by throughput. */
function addedRow(plain: Measurement, through: Measurement): Row {
  const added = through.p50 === null || plain.p50 === null ? null : through.p50 - plain.p50;
  const notes = [
    ...through.notes,
    `p50 ${through.p50?.toFixed(2)} ms, at the service ${plain.p50?.toFixed(2)} ms: ${added?.toFixed(2)} ms added`,
  ];
  const judged = { target: `< ${mostAddedMs} ms added`, met: added === null ? null : added < mostAddedMs };
  return rowOf(names.added, { ...through, notes }, judged);
}
