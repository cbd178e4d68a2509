import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** Where a run of fast-check failed: with both it makes the same plan again. */
interface Seed {
  readonly seed: number;
  readonly path: string;
}

type Suite = 'sequential' | 'concurrent' | 'faults';
type Seeds = Record<Suite, Seed[]>;

const file = join(import.meta.dirname, 'seeds.json');
const read = (): Seeds => JSON.parse(readFileSync(file, 'utf8'));

/**
 * Runs plans, first those of every seed that ever failed and then new ones for so many milliseconds, but one at least. A
 * failure is made smaller for half a minute at most and thrown with its plan; its seed is added to seeds.json, to be
 * committed with the repair.
 */
export async function replayAndExplore<Plan>(
  suite: Suite,
  plans: fc.Arbitrary<Plan>,
  run: (plan: Plan) => Promise<void>,
  milliseconds: number,
): Promise<void> {
  for (const seed of read()[suite]) {
    throwFailure(await fc.check(fc.asyncProperty(plans, run), { ...seed, endOnFailure: true }));
  }
  const until = Date.now() + milliseconds;
  do {
    const found = await fc.check(untilFound(plans, run), { numRuns: 1 });
    if (found.failed && found.counterexamplePath !== null) keep(suite, found.seed, found.counterexamplePath);
    throwFailure(found);
  } while (Date.now() < until);
}

/** The property, which lets everything pass half a minute after its first failure: fast-check then stops shrinking. */
function untilFound<Plan>(plans: fc.Arbitrary<Plan>, run: (plan: Plan) => Promise<void>) {
  let stopAt = Number.POSITIVE_INFINITY;
  return fc.asyncProperty(plans, async (plan) => {
    if (Date.now() > stopAt) return;
    try {
      await run(plan);
    } catch (error) {
      stopAt = Math.min(stopAt, Date.now() + 30_000);
      throw error;
    }
  });
}

function keep(suite: Suite, seed: number, path: string): void {
  const seeds = read();
  seeds[suite].push({ seed, path });
  writeFileSync(file, `${JSON.stringify(seeds, null, 2)}\n`);
}

function throwFailure<Plan>(found: fc.RunDetails<Plan>): void {
  if (!found.failed) return;
  throw new Error(`${fc.defaultReportMessage(found)}\nseed ${found.seed}, path ${found.counterexamplePath}`, {
    cause: found.errorInstance,
  });
}
