import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answeringBeforeTheCommit } from '../testing/planted-lanes.ts';
import { crowd, runClients } from './clients.ts';
import { type Fault, faults, type Nemesis } from './nemesis.ts';
import { startBanks } from './real-bank.ts';
import { replayAndExplore } from './seeds.ts';
import { opening, type Step, steps } from './steps.ts';
import { Teller } from './teller.ts';

/** How long to look for a broken invariant; an hour's search is `FLORIN_MODEL_SECONDS=3600`. */
const seconds = Number(process.env.FLORIN_MODEL_SECONDS ?? 5);

type Banks = Awaited<ReturnType<typeof startBanks>>;
let banks: Banks;
let strikes = 0;
beforeAll(async () => {
  banks = await startBanks();
});
afterAll(() => banks.close());

interface Plan {
  readonly clients: readonly Step[][];
  readonly blows: readonly { readonly after: number; readonly fault: Fault }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  clients: fc.array(steps(12), { minLength: 2, maxLength: 6, size: 'max' }),
  blows: fc.array(fc.record({ after: fc.nat(60), fault: fc.constantFrom(...faults) }), {
    minLength: 2,
    maxLength: 20,
  }),
});

/** Strikes one blow after the other while the work is going on. */
async function amid(nemesis: Nemesis, blows: Plan['blows'], work: Promise<void>): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  work.then(over, over);
  for (const { after, fault } of blows) {
    await sleep(after);
    if (!isOver) await nemesis.strike(fault);
  }
  await work;
}

const runOn =
  (bank: Banks) =>
  ({ clients, blows }: Plan) =>
    bank.run(async (real) => {
      const before = real.nemesis.strikes;
      const teller = new Teller(real);
      for (const wish of opening) await teller.do(wish, 0);
      await amid(real.nemesis, blows, runClients(teller, clients));
      strikes += real.nemesis.strikes - before;
    });

test(
  'whatever connections are lost about a commit, every outcome becomes definite and the invariants hold',
  async () => {
    await replayAndExplore('faults', plans, runOn(banks), seconds * 1000);
    expect(strikes).toBeGreaterThan(0);
  },
  (seconds + 60) * 1000,
);

test('turns red with answers ahead of the commit', async () => {
  const plan: Plan = { clients: crowd(), blows: Array(8).fill({ after: 1, fault: 'lost commit' }) };
  await expect(runOn(banks)(plan)).resolves.toBeUndefined();
  const broken = await startBanks(answeringBeforeTheCommit);
  try {
    await expect(runOn(broken)(plan)).rejects.toThrow();
  } finally {
    await broken.close();
  }
});
