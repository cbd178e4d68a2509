import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withoutKeys } from '../testing/planted-lanes.ts';
import { crowd, runClients } from './clients.ts';
import { startBanks } from './real-bank.ts';
import { replayAndExplore } from './seeds.ts';
import { opening, type Step, steps } from './steps.ts';
import { Teller } from './teller.ts';

/** How long to look for a broken invariant; an hour's search is `FLORIN_MODEL_SECONDS=3600`. */
const seconds = Number(process.env.FLORIN_MODEL_SECONDS ?? 5);

type Banks = Awaited<ReturnType<typeof startBanks>>;
let banks: Banks;
beforeAll(async () => {
  banks = await startBanks();
});
afterAll(() => banks.close());

const runOn = (bank: Banks) => (clients: readonly Step[][]) =>
  bank.run(async (real) => {
    const teller = new Teller(real);
    for (const wish of opening) await teller.do(wish, 0);
    await runClients(teller, clients);
  });

test(
  'whatever clients of two replicas do at once, the invariants hold and each key has one answer',
  async () => {
    const plans = fc.array(steps(12), { minLength: 2, maxLength: 8, size: 'max' });
    await replayAndExplore('concurrent', plans, runOn(banks), seconds * 1000);
  },
  (seconds + 60) * 1000,
);

test('turns red with keys that nobody looks for', async () => {
  await expect(runOn(banks)(crowd())).resolves.toBeUndefined();
  const broken = await startBanks(withoutKeys);
  try {
    await expect(runOn(broken)(crowd())).rejects.toThrow();
  } finally {
    await broken.close();
  }
});
