import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { plainEnvironment } from '@florin/local';
import { type Measurement, percentile } from './measurement.ts';
import { type BenchServer, createDatabase, withClient } from './servers/postgres.ts';

const run = promisify(execFile);
const folder = join(import.meta.dirname, '../floor');

/** `spread`: two of 100,000 accounts in each transfer, 8 clients. `hot`: one account in every transfer, 32 clients. */
export type Shape = 'spread' | 'hot';

const clients: Record<Shape, number> = { spread: 8, hot: 32 };

/** What plain SQL does on this server. */
export interface Floor {
  measure(shape: Shape, seconds: number): Promise<Measurement>;
}

/** Loads the floor's tables; undefined where pgbench is missing. */
export async function prepareFloor(server: BenchServer): Promise<Floor | undefined> {
  const { pgbench } = server;
  if (pgbench === undefined) return undefined;
  const url = await createDatabase(server.url, 'floor');
  await withClient(url, (client) => client.query(readFileSync(join(folder, 'schema.sql'), 'utf8')));
  return { measure: (shape, seconds) => measureFloor(pgbench, url, shape, seconds) };
}

async function measureFloor(pgbench: string, url: string, shape: Shape, seconds: number): Promise<Measurement> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const logs = mkdtempSync(join(tmpdir(), 'florin-pgbench-'));
  try {
    const { stdout } = await run(
      pgbench,
      [
        ...['--no-vacuum', '--protocol=prepared', `--client=${clients[shape]}`, '--jobs=2', `--time=${seconds}`],
        ...['--log', '--sampling-rate=0.2', `--log-prefix=${join(logs, 'calls')}`],
        ...[`--file=${join(folder, `${shape}.sql`)}`, '-h', hostname, '-p', port, '-U', username],
        pathname.slice(1),
      ],
      {
        env: { ...plainEnvironment(), PGPASSWORD: decodeURIComponent(password) },
        timeout: (seconds + 30) * 1000,
      },
    );
    const times = latencies(logs);
    return {
      perSecond: Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1] ?? Number.NaN),
      p50: percentile(times, 0.5),
      p99: percentile(times, 0.99),
      batchSize: null,
      notes: [],
    };
  } finally {
    rmSync(logs, { recursive: true, force: true });
  }
}

/** Sorted, milliseconds. The third word of a line is the call's time in microseconds. */
function latencies(logs: string): Float64Array {
  const lines = readdirSync(logs).flatMap((name) => readFileSync(join(logs, name), 'utf8').trim().split('\n'));
  return Float64Array.from(lines.map((line) => Number(line.split(' ')[2]) / 1000)).sort();
}
