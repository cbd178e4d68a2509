import { createPool } from '@florin/database';
import { encodeCursor } from '@florin/service';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBalance, postedAt } from './accounts/balance-queries.ts';
import type { Tables } from './tables.ts';
import { type FilledLedger, fillLedger } from './testing/fill-ledger.ts';
import { startTestLedger, type TestLedger } from './testing/test-ledger.ts';
import { readTransactions } from './transactions/read-transactions.ts';
import { classBalances } from './trial-balance/trial-balance-queries.ts';

const deposits = 500_000;
/** What a page may take in the database is 5 ms; four times that, since tests share their machine. */
const limitMs = 20;

let ledger: TestLedger;
let filled: FilledLedger;
let admin: pg.Client;
let db: Kysely<Tables>;
const sent: { sql: string; parameters: readonly unknown[] }[] = [];

beforeAll(async () => {
  ledger = await startTestLedger();
  filled = await fillLedger(ledger.database.adminUrl, deposits);
  admin = new pg.Client({ connectionString: ledger.database.adminUrl, options: '-c search_path=transactions' });
  await admin.connect();
  const pool = createPool({ url: ledger.database.url, schema: 'transactions', applicationName: 'reading' });
  db = new Kysely({
    dialect: new PostgresDialect({ pool }),
    log: ({ level, query }) => {
      if (level === 'query') sent.push({ sql: query.sql, parameters: query.parameters });
    },
  });
}, 120_000);
afterAll(async () => {
  await admin.end();
  await db.destroy();
  await ledger.close();
});

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: Plan[];
}

/** What the statements that `read` sends do in the database: milliseconds, and the tables they read from end to end. */
async function measure(read: () => Promise<unknown>): Promise<{ ms: number; scanned: string[]; answer: unknown }> {
  sent.length = 0;
  const answer = await read();
  const scanned: string[] = [];
  let ms = 0;
  const look = (plan: Plan): void => {
    if (plan['Node Type'] === 'Seq Scan') scanned.push(String(plan['Relation Name']));
    plan.Plans?.forEach(look);
  };
  for (const { sql, parameters } of sent) {
    const { rows } = await admin.query(`explain (analyze, format json) ${sql}`, [...parameters]);
    const [{ Plan: plan, 'Execution Time': time }] = rows[0]['QUERY PLAN'];
    look(plan);
    ms += time;
  }
  expect(sent.length).toBeGreaterThan(0);
  return { ms, scanned, answer };
}

const big = ['entries', 'transactions', 'payments'];
const owner = () => {
  const { ownerId } = filled.busy;
  return { kind: 'user' as const, id: 'usr_reader', userId: ownerId, sessionId: 'ses_reader', roles: [], scopes: [] };
};

describe('with a million entries', () => {
  test('there are a million', async () => {
    const { rows } = await admin.query('select count(*)::int as count from entries');
    expect(rows).toEqual([{ count: deposits * 2 }]);
  });

  // Of the busy customer's 250,000 transactions: the newest, from the middle, and the oldest ones.
  test.each([deposits, deposits / 2, 60])(
    'a page of history from deposit %i on takes milliseconds',
    async (deposit) => {
      const before = encodeCursor([`${idAt(filled.instant(deposit))}-7000-8000-000000000000`]);
      const list = { limit: 25, cursor: before };
      for (const query of [{ ...list, account: filled.busy.id }, list]) {
        const { ms, scanned, answer } = await measure(() => readTransactions(db, owner(), query));
        expect((answer as { data: unknown[] }).data).toHaveLength(25);
        expect(scanned.filter((table) => big.includes(table))).toEqual([]);
        expect(ms).toBeLessThan(limitMs);
      }
    },
  );

  test('a balance, now and at any instant, takes milliseconds', async () => {
    const now = await measure(() => findBalance(db, filled.busy.id));
    expect(now).toMatchObject({ scanned: [], answer: { posted: BigInt(deposits / 2) * 100n } });
    for (const deposit of [0, 1_000, deposits / 2, deposits - 2]) {
      const then = await measure(() => postedAt(db, filled.busy.id, filled.instant(deposit)));
      expect(then).toMatchObject({ scanned: [], answer: BigInt(deposit / 2 + 1) * 100n });
      expect(then.ms).toBeLessThan(limitMs);
    }
  });

  test('a trial balance reads no entry but by key, also at an instant when all accounts were different', async () => {
    for (const deposit of [deposits - 1, deposits / 2]) {
      const { scanned, answer, ms } = await measure(() => classBalances(db, filled.instant(deposit)));
      expect(scanned.filter((table) => big.includes(table))).toEqual([]);
      const owed = BigInt(deposit + 1) * 100n;
      expect(answer).toEqual([
        { class: 'asset', currency: 'USD', debit: owed, credit: 0n },
        { class: 'liability', currency: 'USD', debit: 0n, credit: owed },
      ]);
      // A few dozen look-ups for each of 2,001 accounts.
      expect(ms).toBeLessThan(1_000);
    }
  });

  test('the measure itself sees a table that is read from end to end', async () => {
    const whole = () => db.selectFrom('entries').select('version').where('balance_after', '=', -7n).execute();
    expect((await measure(whole)).scanned).toContain('entries');
  });
});

/** The first two groups of the smallest UUIDv7 of an instant. */
function idAt(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
