// The program behind `pnpm faults`: the fault suite for as many transfers as one likes.
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runFaults } from './run-faults.ts';
import { startStage } from './stage.ts';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    transfers: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const print = (line: string) => process.stdout.write(`faults: ${line}\n`);

const startedAt = Date.now();
const stage = await startStage();
try {
  print(`the stage stands after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  const report = await runFaults(stage, { seed: Number(values.seed), transfers: Number(values.transfers), print });
  const { violations, evidence, faults, answers, errors, ...counts } = report;
  for (const [name, count] of faults) print(`${count} × ${name}`);
  for (const [answer, count] of answers) print(`answer ${answer}: ${count}`);
  for (const [error, count] of errors) print(`logged ${error}: ${count}`);
  print(JSON.stringify(counts));
  for (const violation of violations) print(violation);
  print(`${violations.length} violations, ${((Date.now() - startedAt) / 1000).toFixed(1)} s in all`);
  if (violations.length === 0) rmSync(dirname(evidence.history), { recursive: true });
  else print(`the history is in ${evidence.history}`);
  if (violations.length > 0) process.exitCode = 1;
} finally {
  await stage.stop();
}
