import { newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noWrites } from '../testing/no-writes.ts';
import { engineOptions, startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import type { BatchWrites } from './batch-decision.ts';
import { type AccountRow, lockAccounts } from './batch-statements.ts';
import { Lane } from './lane.ts';
import { writeBatch } from './write-batch.ts';

let ledger: TestLedger;
let lane: Lane;
beforeAll(async () => {
  ledger = await startTestLedger();
  lane = new Lane(engineOptions(ledger.database.url).database);
});
afterAll(async () => {
  await lane.close();
  await ledger.close();
});

const further = { limitUses: [{ accountId: newUuid(), period: '2026-11', amount: 1n }] };

const heldVersion = async (id: string) =>
  (await ledger.db.selectFrom('ledger_accounts').select('held_version').where('id', '=', id).executeTakeFirst())
    ?.held_version;

/** Counts the change of an account's held, its row being looked for in the place that `placeOf` makes of that of the locked one. */
async function change(id: string, placeOf: (row: AccountRow) => string | undefined, writes: Partial<BatchWrites>) {
  const [rows = []] = await lane.begin([lockAccounts([id])]);
  const [row] = rows as AccountRow[];
  if (row === undefined) throw new Error('There is no such account');
  const place = placeOf(row);
  const accounts = [{ ...row, heldVersion: row.heldVersion + 1n }];
  await lane.commit(
    writeBatch({ ...noWrites, ...writes, accounts }, new Map(place === undefined ? [] : [[id, place]]), new Date()),
  );
}

describe.each([
  ['few', {}],
  ['further', further],
])('a batch with %s writes', (_, writes) => {
  test('writes an account where it was locked, also after its row has moved', async () => {
    const { id } = await ledger.open({ posted: 0n });
    for (const times of [1n, 2n, 3n]) {
      await change(id, (row) => row.rowPlace, writes);
      expect(await heldVersion(id)).toBe(times);
    }
  });

  test.each<[string, (row: AccountRow, other: AccountRow['rowPlace']) => string | undefined]>([
    ['nothing is', () => '(4000000,1)'],
    ['another account is', (_row, other) => other],
    ['nobody said', () => undefined],
  ])('fails as a whole instead of leaving out an account that is looked for where %s', async (_, placeOf) => {
    const [account, neighbour] = [await ledger.open({ posted: 0n }), await ledger.open({ posted: 0n })];
    const [rows = []] = await lane.begin([lockAccounts([neighbour.id])]);
    await lane.rollback();
    const other = (rows[0] as AccountRow).rowPlace;
    await expect(change(account.id, (row) => placeOf(row, other), writes)).rejects.toMatchObject({ code: '22012' });
    expect([await heldVersion(account.id), await heldVersion(neighbour.id)]).toEqual([0n, 0n]);
  });
});
