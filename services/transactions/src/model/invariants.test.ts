import { createDatabase, createPool, type Database } from '@florin/database';
import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tables } from '../tables.ts';
import { historyViolations, ledgerViolations } from './invariants.ts';
import { type RealBank, startRealBank } from './real-bank.ts';
import { opening } from './steps.ts';
import { Teller } from './teller.ts';

let bank: RealBank;
let account: string;
let transaction: string;
let hold: string;
beforeAll(async () => {
  bank = await startRealBank();
  const teller = new Teller(bank);
  for (const wish of opening) await teller.do(wish, 0);
  await teller.do({ kind: 'transfer', by: 0, from: 0, to: 1, amount: 500n, currency: 'USD' }, 0);
  await teller.do({ kind: 'hold', by: 0, account: 0, to: 1, amount: 100n, currency: 'USD', expiresIn: undefined }, 0);
  const { db } = bank.ledger;
  transaction = bank.acknowledged.at(-1)?.id ?? '';
  const row = await db.selectFrom('transactions').selectAll().where('id', '=', transaction).executeTakeFirstOrThrow();
  account = row.debit_account_id;
  hold = (await db.selectFrom('holds').select('id').executeTakeFirstOrThrow()).id;
});
afterAll(() => bank.close());

async function violations(db: Database<Tables>): Promise<string[]> {
  const found = [...(await ledgerViolations(db, bank.now)), ...(await historyViolations(db, bank.acknowledged))];
  return [...new Set(found.map(({ invariant, subject }) => `${invariant} ${subject}`))].sort();
}

/** What is found after a superuser has done something that the service has no right to; it is then undone. */
async function foundAfter(changes: readonly string[]): Promise<string[]> {
  const pool = createPool({ url: bank.ledger.database.adminUrl, schema: 'transactions', applicationName: 'tamper' });
  const admin = createDatabase<Tables>(pool);
  const tampering = await admin.startTransaction().execute();
  for (const change of changes) await sql.raw(change).execute(tampering);
  const found = await violations(tampering);
  await tampering.rollback().execute();
  await admin.destroy();
  return found;
}

describe('the invariants', () => {
  test('hold where nobody has tampered', async () => {
    expect(await violations(bank.ledger.db)).toEqual([]);
  });

  test.each<[string, () => string[], () => string[]]>([
    [
      'a changed balance',
      () => ['update ledger_accounts set posted = posted + 1 where $account'],
      () => [`I3 ${account}`],
    ],
    ['a changed held', () => ['update ledger_accounts set held = held + 1 where $account'], () => [`I3 ${account}`]],
    ['a deleted hold', () => ['delete from holds'], () => [`I3 ${account}`]],
    [
      'a deleted entry',
      () => ['delete from entries where $entry'],
      () => ['I1 USD', `I10 ${account}`, `I2 ${transaction}`, `I3 ${account}`],
    ],
    [
      'a changed entry',
      () => ['update entries set amount = amount - 1 where $entry'],
      () => ['I1 USD', `I10 ${account}`, `I2 ${transaction}`, `I3 ${account}`],
    ],
    [
      'a gap between entries',
      () => ['update entries set version = version + 7 where $entry'],
      () => [`I10 ${account}`],
    ],
    [
      'entries that are the only ones of nothing',
      () => ["update transactions set id = '$other' where $transaction"],
      () => ['I2 $other', `I2 ${transaction}`, `I5 ${transaction}`, 'I6 $other'],
    ],
    [
      'a changed transaction',
      () => ['update transactions set amount = 501 where $transaction'],
      () => [`I5 ${transaction}`],
    ],
    [
      'a balance below its floor',
      () => [
        'alter table ledger_accounts drop constraint ledger_accounts_floor',
        'update ledger_accounts set floor = 29401 where $account',
      ],
      () => [`I4 ${account}`],
    ],
    ['a hold whose time is up', () => ["update holds set expires_at = '1999-12-31T00:00:00Z'"], () => [`I14 ${hold}`]],
    [
      'a hold of a payment that is not on its way',
      () => ["update holds set purpose = 'withdrawal', expires_at = null"],
      () => [`I14 ${hold}`],
    ],
    [
      'a key without an answer',
      () => ["insert into idempotency_keys (caller, key, fingerprint) values ('usr_1', 'stuck', '')"],
      () => ['I14 stuck'],
    ],
  ])('turn red for %s', async (_, changes, expected) => {
    const other = newUuid();
    const fill = (text: string) =>
      text
        .replace('$account', `id = '${account}'`)
        .replace('$transaction', `id = '${transaction}'`)
        .replace('$entry', `transaction_id = '${transaction}' and account_id = '${account}'`)
        .replace('$other', other);
    expect(await foundAfter(changes().map(fill))).toEqual(expected().map(fill).sort());
  });

  test('turn red for an `ok` of which there is no transaction, and for one transaction that two requests were told of', async () => {
    const [first] = bank.acknowledged;
    const none = { id: newUuid(), request: 'none', amount: 1n };
    const told = [...bank.acknowledged, none, { ...none, id: first?.id ?? '', amount: first?.amount ?? 0n }];
    const found = await historyViolations(bank.ledger.db, told);
    expect(found).toEqual([
      { invariant: 'I5', subject: none.id },
      { invariant: 'I5', subject: first?.id },
    ]);
  });
});
