import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBanks } from './real-bank.ts';
import { replayAndExplore } from './seeds.ts';
import { opening, type Step, steps, wishOf } from './steps.ts';
import { Teller } from './teller.ts';

/** How long to look for a broken invariant; an hour's search is `FLORIN_MODEL_SECONDS=3600`. */
const seconds = Number(process.env.FLORIN_MODEL_SECONDS ?? 5);

let banks: Awaited<ReturnType<typeof startBanks>>;
beforeAll(async () => {
  banks = await startBanks();
});
afterAll(() => banks.close());

/** Everything that a client may be told here; a 5xx that is no 503 would be a bug. */
const definite = [200, 201, 400, 403, 404, 422];

/** One client: works its plan off on one replica, and retries what anyone has sent, answered or not, on the other. */
async function client(teller: Teller, plan: readonly Step[], replica: number): Promise<void> {
  for (const step of plan) {
    const wish = wishOf(step, teller);
    if (wish.kind !== 'retry') {
      const { status } = await teller.do(wish, replica);
      expect(definite).toContain(status);
      continue;
    }
    const sent = teller.sent[wish.of % Math.max(1, teller.sent.length)];
    if (!sent) continue;
    if (sent.kept && wish.changed) expect((await teller.misuse(sent, replica + 1)).code).toBe('idempotency_key_reused');
    else expect(definite).toContain((await teller.retry(sent, replica + 1)).status);
  }
}

test(
  'whatever clients of two replicas do at once, the invariants hold and each key has one answer',
  async () => {
    const plans = fc.array(steps(12), { minLength: 2, maxLength: 8, size: 'max' });
    const run = (clients: readonly Step[][]) =>
      banks.run(async (bank) => {
        const teller = new Teller(bank);
        for (const wish of opening) await teller.do(wish, 0);
        const done = await Promise.allSettled(clients.map((plan, index) => client(teller, plan, index)));
        for (const one of done) if (one.status === 'rejected') throw one.reason;
        expect(teller.contradictions).toEqual([]);
      });
    await replayAndExplore('concurrent', plans, run, seconds * 1000);
  },
  (seconds + 60) * 1000,
);
