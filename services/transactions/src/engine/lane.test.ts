import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../testing/cutting-proxy.ts';
import { engineOptions, startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { DatabaseAwayError, Lane, UnknownOutcomeError } from './lane.ts';

const queryTimeoutMs = 600;
const look = () => ({ name: 'look', text: 'select $1::text as seen', values: ['x'] });

let ledger: TestLedger;
let proxy: CuttingProxy;
let lane: Lane;
beforeAll(async () => {
  ledger = await startTestLedger();
  proxy = await startCuttingProxy(ledger.database.url);
});
beforeEach(() => {
  proxy.silent = false;
  lane = new Lane({ ...engineOptions(proxy.url).database, queryTimeoutMs });
  return () => lane.close();
});
afterAll(async () => {
  await ledger.close();
  await proxy.close();
});

/** Milliseconds until the work has been rejected with this kind of error. */
async function rejection(
  work: Promise<unknown>,
  Kind: typeof DatabaseAwayError | typeof UnknownOutcomeError,
): Promise<number> {
  const start = performance.now();
  await expect(work).rejects.toBeInstanceOf(Kind);
  return performance.now() - start;
}

describe('a server that no longer answers', () => {
  test('is given up after the limit, and the lane connects anew', async () => {
    await lane.begin([look()]);
    await lane.commit(undefined);
    proxy.silent = true;
    expect(await rejection(lane.begin([look(), look()]), DatabaseAwayError)).toBeLessThan(queryTimeoutMs * 3);
    proxy.silent = false;
    const [result] = await lane.begin([look()]);
    expect(result?.rows).toEqual([{ seen: 'x' }]);
  });

  test('leaves a commit in doubt', async () => {
    await lane.begin([look()]);
    proxy.silent = true;
    expect(await rejection(lane.commit(look()), UnknownOutcomeError)).toBeLessThan(queryTimeoutMs * 3);
  });
});

test('an answer in time leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  await lane.begin([look()]);
  await lane.commit(look());
  expect(timers()).toBeLessThanOrEqual(before);
});

test('the first error is thrown when nothing is under way any more', async () => {
  const bad = { name: 'bad', text: 'select 1 / $1::int as x', values: [0] };
  await expect(lane.begin([look(), bad, look()])).rejects.toMatchObject({ code: '22012' });
  const [result] = await lane.begin([look()]);
  expect(result?.rows).toEqual([{ seen: 'x' }]);
});
