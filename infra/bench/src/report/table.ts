import type { Row } from './row.ts';

const columns: readonly { title: string; width: number; text(row: Row): string }[] = [
  { title: 'ratio', width: 7, text: (row) => (row.ratio === null ? '' : row.ratio.toFixed(2)) },
  { title: 'target', width: 15, text: (row) => row.target ?? '' },
  { title: 'met', width: 4, text: (row) => (row.met === null ? '' : row.met ? 'yes' : 'no') },
  { title: 'per second', width: 11, text: (row) => (row.perSecond === null ? '' : row.perSecond.toFixed(0)) },
  { title: 'p50 ms', width: 9, text: (row) => (row.p50 === null ? '' : row.p50.toFixed(2)) },
  { title: 'p99 ms', width: 9, text: (row) => (row.p99 === null ? '' : row.p99.toFixed(2)) },
  { title: 'batch', width: 7, text: (row) => (row.batchSize === null ? '' : row.batchSize.toFixed(1)) },
];
const nameWidth = 46;

/** The table, line by line; below each row its processor times and notes. */
export function tableOf(rows: readonly Row[]): string[] {
  const head = 'measure'.padEnd(nameWidth) + columns.map(({ title, width }) => title.padStart(width)).join('');
  return [head, '-'.repeat(head.length), ...rows.flatMap(linesOf)];
}

function linesOf(row: Row): string[] {
  const line = row.measure.padEnd(nameWidth) + columns.map(({ width, text }) => text(row).padStart(width)).join('');
  const cpu = Object.entries(row.cpu ?? {}).map(([name, time]) => `${name} ${time.toFixed(0)}`);
  const below = [...(cpu.length === 0 ? [] : [`processor µs per request: ${cpu.join(', ')}`]), ...row.notes];
  return [line.trimEnd(), ...below.map((text) => `    ${text}`)];
}
