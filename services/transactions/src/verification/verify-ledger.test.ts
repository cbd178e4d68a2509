import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { formatId } from '@florin/service';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureSystemAccounts, systemAccountId } from '../accounts/system-accounts.ts';
import { sealKey } from '../seals/seal-key.ts';
import { movementCommand } from '../testing/movement.ts';
import { sealPosted } from '../testing/seal.ts';
import { startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { verifyLedger } from './verify-ledger.ts';

const secret = Buffer.alloc(32, 7);
const key = sealKey(secret);
let ledger: TestLedger;
let admin: pg.Client;
/** Transactions, oldest first; the last one is not sealed. */
const ids: string[] = [];
let account: string;

beforeAll(async () => {
  ledger = await startTestLedger();
  admin = new pg.Client({ connectionString: ledger.database.adminUrl, options: '-c search_path=transactions' });
  await admin.connect();
  const external = { name: 'external:sandbox', currency: 'USD' };
  await ensureSystemAccounts(ledger.db, [external]);
  const bank = systemAccountId(external.name, external.currency);
  ({ id: account } = await ledger.open());
  const engine = ledger.engine();
  for (let index = 0; index < 10; index++) {
    const command = movementCommand(bank, account, 10n);
    ids.push(command.id);
    await engine.submit(command);
    if (index % 3 === 2) await sealPosted(ledger.db, key);
  }
});
afterAll(async () => {
  await admin.end();
  await ledger.close();
});

const verify = (trusted = [key.name]) => verifyLedger(ledger.db, new Set(trusted));
const transaction = (index: number) => `transaction ${formatId('txn', ids[index] ?? '')}`;
const id = (index: number) => `'${ids[index]}'`;
const tables = ['ledger_accounts', 'transactions', 'entries', 'ledger_seals'];

/** What is found after a superuser has run the statements; everything is then as before. */
async function foundAfter(...statements: string[]): Promise<string> {
  for (const table of tables) await admin.query(`create table kept_${table} as table ${table}`);
  try {
    for (const statement of statements) await admin.query(statement);
    const { sound, line } = await verify();
    expect(sound).toBe(false);
    return line;
  } finally {
    for (const table of tables) {
      await admin.query(`truncate ${table}; insert into ${table} table kept_${table}; drop table kept_${table}`);
    }
  }
}

describe('verify', () => {
  test('finds a ledger that nobody has touched sound', async () => {
    expect(await verify()).toEqual({
      sound: true,
      line: 'sound: 20 entries, 10 transactions, 3 seals; 1 not sealed yet',
    });
  });

  const acc = () => `account ${formatId('acc', account)}`;
  const cases: [what: string, statements: () => string[], found: () => string][] = [
    [
      'the amount of an entry',
      () => [`update entries set amount = 11 where account_id = '${account}' and version = 4`],
      () => `entry 4 of ${acc()} does not follow the one before it`,
    ],
    [
      'the amounts and balances of both entries and both accounts, which then agree among themselves',
      () => [
        `update entries set amount = 2 * amount where transaction_id = ${id(8)}`,
        `update entries set balance_after = balance_after + sign(amount) * 10 where version >= 9`,
        `update ledger_accounts set posted = posted + sign(posted) * 10`,
      ],
      () => `${transaction(8)} or its entries are not what seal 3 recorded`,
    ],
    [
      'a balance',
      () => [`update ledger_accounts set posted = 5 where id = '${account}'`],
      () => `the balance or version of ${acc()} is not that of its last entry`,
    ],
    [
      'what is held',
      () => [`update ledger_accounts set held = 5 where id = '${account}'`],
      () => `what is held on ${acc()} is not the sum of its open holds`,
    ],
    [
      'a description',
      () => [`update transactions set description = 'rent' where id = ${id(4)}`],
      () => `${transaction(4)} or its entries are not what seal 2 recorded`,
    ],
    [
      'a time, by a microsecond',
      () => [`update transactions set effective_at = effective_at + interval '1 microsecond' where id = ${id(0)}`],
      () => `${transaction(0)} or its entries are not what seal 1 recorded`,
    ],
    [
      'a deleted entry',
      () => [`delete from entries where account_id = '${account}' and version = 4`],
      () => `entry 5 of ${acc()} does not follow the one before it`,
    ],
    [
      'a deleted last entry',
      () => [`delete from entries where account_id = '${account}' and version = 10`],
      () => `the balance or version of ${acc()} is not that of its last entry`,
    ],
    [
      'a deleted transaction',
      () => [`delete from transactions where id = ${id(2)}`],
      () => `${transaction(2)} is missing`,
    ],
    [
      'a deleted transaction that no seal has yet',
      () => [`delete from transactions where id = ${id(9)}`],
      () => `${transaction(9)} is missing, its entries are there`,
    ],
    [
      'a transaction put among sealed ones',
      () => [`update transactions set xid = (select min(xid::text)::xid8 from transactions) where id = ${id(9)}`],
      () => `${transaction(9)} stands among sealed ones, and no seal has it`,
    ],
    [
      'swapped seals',
      () => [
        'alter table ledger_seals drop constraint ledger_seals_pkey',
        'update ledger_seals set number = 3 - number where number in (1, 2)',
      ],
      () => 'seal 1 does not name the hash of the seal before it',
    ],
    [
      'a removed seal',
      () => ['delete from ledger_seals where number = 2'],
      () => 'seal 3 does not follow the seal before it',
    ],
    [
      'a seal that says another root',
      () => ["update ledger_seals set root = sha256('x') where number = 2"],
      () => 'seal 2 does not have the hash that it states',
    ],
    [
      'a seal that lists other transactions',
      () => [
        'update ledger_seals set leaves = overlay(leaves placing substring(leaves from 33 for 32) from 1) where number = 2',
      ],
      () => 'seal 2 lists other transactions than those it was made of',
    ],
    [
      'a forged signature',
      () => ["update ledger_seals set signature = decode(repeat('00', 64), 'hex') where number = 3"],
      () => 'seal 3 has a signature that is not of its key',
    ],
  ];
  test.each(cases)('names the row that a superuser changed: %s', async (_, statements, found) => {
    expect(await foundAfter(...statements())).toContain(found());
  });

  test('trusts no other key', async () => {
    const other = sealKey(Buffer.alloc(32, 8)).name;
    expect((await verify([other])).line).toBe(`seal 1 is signed with a key that is not trusted, ${key.name}`);
    expect((await verify([other, key.name])).sound).toBe(true);
  });
});

describe('the command', () => {
  const run = (env: Record<string, string>) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../verify.ts')], {
      env: { ...process.env, DATABASE_URL: ledger.database.url, ...env },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  test('says in one line that all is well, with the key or only its public part', () => {
    const line = 'sound: 20 entries, 10 transactions, 3 seals; 1 not sealed yet\n';
    expect(run({ LEDGER_SEAL_KEY: secret.toString('base64') })).toEqual({ status: 0, stdout: line, stderr: '' });
    expect(run({ LEDGER_SEAL_PUBLIC_KEYS: key.name })).toMatchObject({ status: 0, stdout: line });
  });

  test('exits with 1 and one line that names the row', async () => {
    await admin.query(`update ledger_accounts set posted = 5 where id = '${account}'`);
    const stderr = `verify: the balance or version of account ${formatId('acc', account)} is not that of its last entry\n`;
    expect(run({ LEDGER_SEAL_PUBLIC_KEYS: key.name })).toEqual({ status: 1, stdout: '', stderr });
    await admin.query(`update ledger_accounts set posted = 100 where id = '${account}'`);
  });

  test('exits with 1 and one line when it is told no key', () => {
    expect(run({}).stderr).toBe('verify: LEDGER_SEAL_KEY or LEDGER_SEAL_PUBLIC_KEYS must be set\n');
  });
});
