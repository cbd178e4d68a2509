import { createDatabase, createPool } from '@florin/database';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tables } from '../tables.ts';
import { type OpenAccount, startTestLedger, type TestLedger, transferCommand } from '../testing/test-ledger.ts';
import { checkAccounts, checkCurrencySums, checkTransactions, type Violation } from './invariants.ts';

let ledger: TestLedger;
let a: OpenAccount;
let b: OpenAccount;
const ids: string[] = [];
beforeAll(async () => {
  ledger = await startTestLedger();
  [a, b] = [await ledger.open(), await ledger.open()];
  await sql`update ledger_accounts set floor = null where id = ${a.id}`.execute(ledger.db);
  for (let index = 0; index < 3; index++) {
    const command = transferCommand(a, b, 10n);
    ids.push(command.id);
    await ledger.engine().submit(command);
  }
});
afterAll(() => ledger.close());

/** What is found after somebody with the owner's rights has changed a row; the row is then put right. */
async function foundAfter(change: string, undo: string): Promise<Violation[]> {
  const pool = createPool({ url: ledger.database.ownerUrl, schema: 'transactions', applicationName: 'tamper' });
  const owner = createDatabase<Tables>(pool);
  await sql.raw(change).execute(owner);
  const found = [
    ...(await checkCurrencySums(ledger.db)),
    ...(await checkTransactions(ledger.db, ids)),
    ...(await checkAccounts(ledger.db)),
  ];
  await sql.raw(undo).execute(owner);
  await owner.destroy();
  return found;
}

describe('the checker', () => {
  test('finds nothing where all is well', async () => {
    expect(await checkCurrencySums(ledger.db)).toEqual([]);
    expect(await checkTransactions(ledger.db, ids)).toEqual([]);
    expect(await checkAccounts(ledger.db)).toEqual([]);
  });

  test('names the currency, the account and the transaction that are wrong', async () => {
    const balance = await foundAfter(
      `update ledger_accounts set posted = posted + 5 where id = '${b.id}'`,
      `update ledger_accounts set posted = posted - 5 where id = '${b.id}'`,
    );
    expect(balance).toEqual([
      { invariant: 'currency_sum', subject: 'USD' },
      { invariant: 'account_balance', subject: b.id },
    ]);
    const held = await foundAfter(
      `update ledger_accounts set held = held + 5 where id = '${b.id}'`,
      `update ledger_accounts set held = held - 5 where id = '${b.id}'`,
    );
    expect(held).toEqual([{ invariant: 'account_held', subject: b.id }]);
    const amount = await foundAfter(
      `update entries set amount = amount + 1 where account_id = '${b.id}' and version = 2`,
      `update entries set amount = amount - 1 where account_id = '${b.id}' and version = 2`,
    );
    expect(amount.toSorted((x, y) => (x.invariant < y.invariant ? -1 : 1))).toEqual([
      { invariant: 'entry_chain', subject: b.id },
      { invariant: 'transaction_sum', subject: ids[1] },
    ]);
    const gap = await foundAfter(
      `update entries set version = 99 where account_id = '${b.id}' and version = 2`,
      `update entries set version = 2 where account_id = '${b.id}' and version = 99`,
    );
    expect(gap.map((violation) => violation.invariant)).toContain('entry_chain');
    const missing = await foundAfter(
      `update entries set transaction_id = '${a.id}' where account_id = '${b.id}' and version = 3`,
      `update entries set transaction_id = '${ids[2]}' where account_id = '${b.id}' and version = 3`,
    );
    expect(missing).toContainEqual({ invariant: 'transaction_sum', subject: ids[2] });
  });

  test('names the account that holds what no hold holds, and the one below its floor', async () => {
    const held = await foundAfter(
      `update ledger_accounts set held = 5 where id = '${b.id}'`,
      `update ledger_accounts set held = 0 where id = '${b.id}'`,
    );
    expect(held).toEqual([{ invariant: 'account_held', subject: b.id }]);
    const hold = `'${a.id}', 'authorization', '${b.id}', 5, 0, 'USD', 'active', 'test', now(), now(), now()`;
    const unheld = await foundAfter(
      `insert into holds (id, purpose, account_id, amount, captured_amount, currency, status, initiated_by, expires_at, created_at,
        updated_at) values (${hold})`,
      'delete from holds',
    );
    expect(unheld).toEqual([{ invariant: 'account_held', subject: b.id }]);
    const floor = await foundAfter(
      `alter table ledger_accounts drop constraint ledger_accounts_floor;
        update ledger_accounts set floor = 1000 where id = '${b.id}'`,
      `update ledger_accounts set floor = 0 where id = '${b.id}'`,
    );
    expect(floor).toEqual([{ invariant: 'account_floor', subject: b.id }]);
  });
});
