import { createDatabase, createPool, inTransaction, planByKey } from '@florin/database';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tables } from '../tables.ts';
import { movementCommand } from '../testing/movement.ts';
import { startTestLedger, type TestLedger } from '../testing/test-ledger.ts';
import { readEndedRecords } from './transaction-record.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
  const [a, b] = [await ledger.open({ posted: 1_000n }), await ledger.open()];
  await ledger.engine().submit(movementCommand(a.id, b.id, 1n));
  // What is under way anywhere on the server, of other tests too, holds the end of a posting back, for a while.
  await eventually(() => inTransaction(ledger.db, async (tx) => expect(await readEndedRecords(tx)).toHaveLength(1)), {
    timeoutMs: 30_000,
  });
}, 60_000);
afterAll(() => ledger.close());

/** The plans that a new connection keeps of the two statements, made while the tables hold next to nothing. */
async function keptPlans(isByKey: boolean): Promise<{ transactions: string; entries: string }> {
  const pool = createPool({ url: ledger.database.url, schema: 'transactions', applicationName: 'plans', max: 1 });
  const db = createDatabase<Tables>(pool);
  try {
    return await inTransaction(db, async (tx) => {
      if (isByKey) await planByKey(tx);
      expect(await readEndedRecords(tx)).toHaveLength(1);
      const explain = async (call: string) => {
        const { rows } = await sql<Record<'QUERY PLAN', string>>`explain execute ${sql.raw(call)}`.execute(tx);
        return rows.map((row) => row['QUERY PLAN']).join('\n');
      };
      return {
        transactions: await explain(`"sealing-transactions" ('0', '00000000-0000-0000-0000-000000000000')`),
        entries: await explain(`"sealing-entries" ('{}')`),
      };
    });
  } finally {
    await db.destroy();
  }
}

test('a plan that sealing keeps finds rows by key, however few there were when it was made', async () => {
  const { transactions, entries } = await keptPlans(true);
  expect(transactions).toMatch(/Index Scan using transactions_order on transactions.*\n\s+Index Cond: /);
  expect(entries).toMatch(/Index Scan using entries_transaction on entries.*\n\s+Index Cond: /);
  expect(transactions + entries).not.toMatch(/Seq Scan/);
});

test('control: it would not under the usual settings', async () => {
  // As the server has counted them: a page each.
  const { adminUrl } = ledger.database;
  const admin = createDatabase<Tables>(createPool({ url: adminUrl, schema: 'transactions', applicationName: 'plans' }));
  await sql`analyze`.execute(admin);
  await admin.destroy();
  const { transactions, entries } = await keptPlans(false);
  expect(transactions + entries).toMatch(/Seq Scan on (transactions|entries)/);
  expect((await keptPlans(true)).entries).not.toMatch(/Seq Scan/);
});
