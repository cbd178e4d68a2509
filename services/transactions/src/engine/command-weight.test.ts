import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenAccount, startTestLedger, type TestLedger, transferCommand } from '../testing/test-ledger.ts';
import { batchSize } from './engine-metrics.ts';

let ledger: TestLedger;
let a: OpenAccount;
let b: OpenAccount;
beforeAll(async () => {
  ledger = await startTestLedger();
  [a, b] = [await ledger.open({ posted: 1_000n }), await ledger.open()];
});
afterAll(() => ledger.close());

const command = (weight: number) => ({ ...transferCommand(a, b, 1n), weight });

async function batches(): Promise<number> {
  const { values } = await batchSize.get();
  return values.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
}

test('commands are put together up to the weight of a batch; a heavier one goes alone', async () => {
  const engine = ledger.engine({ lanes: 1, maxBatch: 100 });
  const before = await batches();
  await Promise.all([40, 60, 1, 500, 99, 1].map((weight) => engine.submit(command(weight))));
  // 40 and 60 · 1 · 500 · 99 and 1
  expect((await batches()) - before).toBe(4);
});

test('a queue that is full by weight refuses, but takes any command when it is empty', async () => {
  const engine = ledger.engine({ lanes: 1, maxQueue: 10 });
  const taken = engine.submit(command(500));
  await expect(engine.submit(command(1))).rejects.toMatchObject({ code: 'upstream_unavailable' });
  expect((await taken).status).toBe(201);
  const together = await Promise.allSettled([4, 4, 4, 2].map((weight) => engine.submit(command(weight))));
  expect(together.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});
