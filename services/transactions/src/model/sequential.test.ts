import { afterAll, beforeAll, expect, test } from 'vitest';
import { ModelBank } from './model-bank.ts';
import { startBanks } from './real-bank.ts';
import { replayAndExplore } from './seeds.ts';
import { opening, type Retry, type Step, steps, wishOf } from './steps.ts';
import { heard, Teller } from './teller.ts';
import type { Expected, Wish } from './wish.ts';

/** How long to look for a difference; an hour's search is `FLORIN_MODEL_SECONDS=3600`. */
const seconds = Number(process.env.FLORIN_MODEL_SECONDS ?? 5);

let banks: Awaited<ReturnType<typeof startBanks>>;
beforeAll(async () => {
  banks = await startBanks();
});
afterAll(() => banks.close());

/** What the model says to a wish; it takes the price of a quote from the real bank. */
function expectedOf(model: ModelBank, teller: Teller, wish: Wish): Expected {
  if (wish.kind !== 'quote') return model.answer(wish);
  const quote = teller.quotes.at(-1);
  if (quote) model.quotes.push({ ...quote, madeAt: model.now, used: false });
  return { status: 201 };
}

async function retried(model: ModelBank, teller: Teller, { of, changed }: Retry, replica: number): Promise<void> {
  const sent = teller.sent[of % Math.max(1, teller.sent.length)];
  if (!sent) return;
  if (sent.kept && changed) {
    expect(await teller.misuse(sent, replica)).toEqual({ status: 422, code: 'idempotency_key_reused' });
    return;
  }
  const isKept = sent.kept !== undefined;
  const answer = await teller.retry(sent, replica);
  if (!isKept) expect(heard(answer), show(sent.wish)).toEqual(expectedOf(model, teller, sent.wish));
}

const show = (wish: Wish | Retry) =>
  JSON.stringify(wish, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));

async function runBoth(model: ModelBank, teller: Teller, wish: Wish | Retry, replica: number): Promise<void> {
  if (wish.kind === 'retry') await retried(model, teller, wish, replica);
  else {
    const answer = await teller.do(wish, replica);
    expect(answer, show(wish)).toEqual(expectedOf(model, teller, wish));
  }
  expect(teller.contradictions).toEqual([]);
  const balances = model.accounts.map(({ posted, held }) => ({ posted, held }));
  expect(await teller.balances(), show(wish)).toEqual(balances);
}

test(
  'any sequence of commands is answered as by the model, and leaves its balances',
  async () => {
    const run = (plan: readonly Step[]) =>
      banks.run(async (bank) => {
        const [model, teller] = [new ModelBank(bank.now), new Teller(bank)];
        for (const wish of opening) await runBoth(model, teller, wish, 0);
        for (const [index, step] of plan.entries()) await runBoth(model, teller, wishOf(step, teller), index);
      });
    await replayAndExplore('sequential', steps(40), run, seconds * 1000);
  },
  (seconds + 60) * 1000,
);
