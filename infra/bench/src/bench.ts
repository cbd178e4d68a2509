// The program behind `pnpm bench`; docs/benchmarks.md tells what the rows mean.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepareEngine } from './engine/measure-engine.ts';
import { type BenchFleet, startBenchFleet } from './fleet/bench-fleet.ts';
import { prepareFloor } from './floor.ts';
import { type Bench, compareWithFloor, loadedTimes, reasonOf } from './measures/bench.ts';
import { measureHalfLoad } from './measures/half-load.ts';
import { measureLogins } from './measures/logins.ts';
import { measureProxying } from './measures/proxying.ts';
import { measureBatches, measureTransfers, warmUp } from './measures/transfers.ts';
import { type BenchOptions, type Part, readOptions } from './options.ts';
import { describeMachine, machineText } from './report/machine.ts';
import { profileText, summariseProfiles } from './report/profile.ts';
import { missingRow, type Row } from './report/row.ts';
import { tableOf } from './report/table.ts';
import { type BenchServer, startBenchServer } from './servers/postgres.ts';

const results = join(import.meta.dirname, '../../../.florin/bench');
const print = (line: string) => process.stdout.write(`${line}\n`);

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function run(options: BenchOptions): Promise<void> {
  const startedAt = new Date();
  const time = startedAt.toISOString().slice(0, 19).replaceAll(':', '');
  mkdirSync(results, { recursive: true });
  const machine = describeMachine();
  const server = await startBenchServer();
  const profiles = options.profile ? join(results, `${time}-profiles`) : undefined;
  try {
    const rows = await measureAll(server, options, profiles);
    const seconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
    const file = join(results, `${time}.json`);
    const result = { startedAt, seconds, machine, server: server.description, options, rows };
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    const told = [machineText(machine), server.description, `${seconds} s; ${file}`];
    for (const line of ['', ...tableOf(rows), '', ...told]) print(line);
  } finally {
    await server.stop();
  }
}

async function measureAll(server: BenchServer, options: BenchOptions, profiles: string | undefined): Promise<Row[]> {
  const ends = performance.now() + options.limitSeconds * 1000;
  const bench: Bench = {
    options,
    serverUrl: server.url,
    floor: await prepareFloor(server),
    say: (text) => print(`bench: ${text}`),
    secondsLeft: () => (ends - performance.now()) / 1000,
  };
  const rows = options.only.includes('engine') ? await engineRows(bench, server) : [];
  if (options.only.every((part) => part === 'engine')) return rows;
  let fleet: BenchFleet | undefined;
  try {
    bench.say('starting the fleet');
    fleet = await startBenchFleet(server, options, profiles);
    rows.push(...(await fleetRows(bench, fleet)));
  } catch (error) {
    rows.push(missingRow('the fleet', reasonOf(error)));
  }
  const processes = fleet?.processes() ?? new Map();
  await fleet?.stop();
  if (profiles !== undefined)
    for (const summary of summariseProfiles(profiles, processes, loadedTimes)) profileText(summary).forEach(print);
  return rows;
}

async function engineRows(bench: Bench, server: BenchServer): Promise<Row[]> {
  try {
    const engine = await prepareEngine(server.url);
    const { seconds } = bench.options;
    const compare = (shape: 'spread' | 'hot', least: number) =>
      compareWithFloor(bench, {
        measure: `engine in process, 128 callers, ${shape}`,
        shape,
        least,
        run: () => engine.measure(shape, seconds),
      });
    return [...(await compare('spread', 1.5)), ...(await compare('hot', 6))];
  } catch (error) {
    return [missingRow('engine in process', reasonOf(error))];
  }
}

async function fleetRows(bench: Bench, fleet: BenchFleet): Promise<Row[]> {
  const wants = (part: Part) => bench.options.only.includes(part);
  const rows: Row[] = [];
  bench.say('warming up');
  await warmUp(bench, fleet);
  if (wants('service')) {
    const least = { spread: 0.6, hot: 3 };
    rows.push(...(await measureTransfers(bench, fleet, { name: 'service', target: fleet.service, least })));
  }
  let full: Row | undefined;
  if (wants('gateway')) {
    const least = { spread: 0.35, hot: 1.8 };
    const measured = await measureTransfers(bench, fleet, { name: 'gateway', target: fleet.gateway, least });
    full = measured.find((row) => row.ratio !== null);
    rows.push(...measured);
  }
  if (wants('events')) rows.push(...(await measureHalfLoad(bench, fleet, full)));
  if (wants('batch')) rows.push(...(await measureBatches(bench, fleet)));
  if (wants('proxy')) rows.push(...(await measureProxying(bench, fleet)));
  if (wants('logins')) rows.push(...(await measureLogins(bench, fleet)));
  return rows;
}
