import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { median } from '../measurement.ts';

/** What the figures were measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Of a write of 8 KiB to the disk with the data, median. Far below 0.1 ms the disk only says that it is done. */
  readonly syncMs: number;
  /** Processes that wanted a core, over the minute before the start: other work makes the figures too low. */
  readonly loadBefore: number;
}

/** Looks at this machine; takes a few milliseconds. */
export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    processor: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    syncMs: syncTime(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function syncTime(): number {
  const folder = mkdtempSync(join(tmpdir(), 'florin-sync-'));
  const file = openSync(join(folder, 'file'), 'w');
  const page = Buffer.alloc(8192, 1);
  try {
    const times = Array.from({ length: 50 }, () => {
      const start = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return performance.now() - start;
    });
    return Math.round(median(times) * 1000) / 1000;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One line. */
export function machineText(machine: Machine): string {
  const { processor, cores, memoryGiB, system, node, syncMs, loadBefore } = machine;
  return `${cores} × ${processor}, ${memoryGiB} GiB, ${system}, Node ${node}, disk sync ${syncMs} ms, load before ${loadBefore}`;
}
