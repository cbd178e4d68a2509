// The program behind `pnpm fuzz`: sends generated requests to a fleet of its own and lists what should not have come back.
// --requests and --seed say how many and which; --seconds ends it sooner; --findings is the file for the requests that
// failed, and --replay sends those of such a file again and no others.
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startFleet } from '@florin/testing';
import { type Finding, type FuzzReport, fuzz } from './fuzz.ts';
import { ledgerFaults } from './ledger.ts';
import { readDocument } from './operations.ts';
import type { FuzzRequest } from './requests.ts';
import { newWorld } from './world.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    seconds: { type: 'string', default: '3600' },
    findings: { type: 'string', default: '.florin/fuzz-findings.json' },
    replay: { type: 'string' },
  },
});

function numberOf(name: 'requests' | 'seed' | 'seconds'): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new Error(`--${name} takes a whole number, not ${values[name]}.`);
  return number;
}

function tell(report: FuzzReport, seconds: number): void {
  const { sent, findings, byStatus, neverDone, seed } = report;
  console.log(`${sent} requests in ${Math.round(seconds)} s, seed ${seed}; by status: ${JSON.stringify(byStatus)}`);
  if (neverDone.length > 0) console.log(`never answered with success: ${neverDone.join(', ')}`);
  for (const { call, kind, times, index, details } of findings) {
    console.log(`${call}: ${kind} (${times} times, first as request ${index})\n  ${details}`);
  }
}

/** The requests of a file of findings, from the top of the checkout. */
function requestsIn(file: string): FuzzRequest[] {
  const { findings } = JSON.parse(readFileSync(resolve(top, file), 'utf8')) as { findings: Finding[] };
  return findings.map(({ request }) => request);
}

const top = resolve(import.meta.dirname, '../../../..');
const only = values.replay === undefined ? undefined : requestsIn(values.replay);
const [seed, requests, limitSeconds] = [numberOf('seed'), only?.length ?? numberOf('requests'), numberOf('seconds')];
console.log(`seed ${seed}, ${requests} requests; again with --seed ${seed} --requests ${requests}`);
const fleet = await startFleet({ transport: 'embedded', env: { FLORIN_RATE_LIMITS: 'off' } });
try {
  const [document, world] = [await readDocument(fleet.gateway), await newWorld(fleet)];
  const begun = performance.now();
  const onProgress = (sent: number) => {
    if (sent % 10_000 === 0 && sent > 0) console.log(`${sent} sent`);
  };
  const what = { seed, requests, limitSeconds, ...(only && { only }) };
  const report = await fuzz({ url: fleet.gateway, document, world, ...what, onProgress });
  tell(report, (performance.now() - begun) / 1000);
  const books = await ledgerFaults(fleet);
  console.log(books.length === 0 ? 'the books are sound' : books.join('\n'));
  if (report.findings.length > 0 || books.length > 0) {
    const file = resolve(top, values.findings);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ seed, findings: report.findings }, undefined, 2)}\n`);
    console.log(`${report.findings.length} findings, each with its request, in ${file}`);
    process.exitCode = 1;
  }
} finally {
  await fleet.stop();
}
