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
    expect(result).toEqual([{ seen: 'x' }]);
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

const divide = (by: string) => ({ name: 'divide', text: 'select 1 / $1::int as x', values: [by] });
const transaction = () => ({ name: 'transaction', text: 'select pg_current_xact_id()::text as id' });

describe('a statement that the server refuses', () => {
  test('is what is thrown, and the next transaction begins afresh', async () => {
    await expect(lane.begin([look(), divide('0'), look()])).rejects.toMatchObject({ code: '22012' });
    const [result] = await lane.begin([look()]);
    expect(result).toEqual([{ seen: 'x' }]);
  });

  test('ends the transaction also where it came with the commit', async () => {
    const [before] = await lane.begin([transaction()]);
    await expect(lane.commit(divide('0'))).rejects.toMatchObject({ code: '22012' });
    const [after] = await lane.begin([transaction()]);
    expect(after).not.toEqual(before);
  });

  test('can be sent again, whether the server has parsed it or not', async () => {
    await expect(lane.begin([divide('0')])).rejects.toMatchObject({ code: '22012' });
    await expect(lane.begin([{ name: 'wrong', text: 'select 2 from nowhere' }])).rejects.toMatchObject({
      code: '42P01',
    });
    await expect(lane.begin([{ name: 'wrong', text: 'select 2 as x' }])).resolves.toEqual([[{ x: 2 }]]);
    await lane.commit(undefined);
    for (const by of ['1', '1']) {
      expect(await lane.begin([divide(by)])).toEqual([[{ x: 1 }]]);
      await lane.commit(undefined);
    }
  });
});

test('rows arrive in the types of the ledger, the first time and later', async () => {
  const text = `select 9007199254740993::bigint as large, null::text as none, '2026-11-29T12:00:00.123Z'::timestamptz as at
    from generate_series(1, 2)`;
  const row = { large: 9_007_199_254_740_993n, none: null, at: new Date('2026-11-29T12:00:00.123Z') };
  for (const turn of [1, 2]) {
    const [first, typed] = await lane.begin([look(), { name: 'typed', text }]);
    expect([first, typed], `turn ${turn}`).toEqual([[{ seen: 'x' }], [row, row]]);
    await lane.commit(undefined);
  }
});
