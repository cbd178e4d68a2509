import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestLedger, type TestLedger, transferCommand } from './testing/test-ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startTestLedger();
  const [a, b] = [await ledger.open({ posted: 10n }), await ledger.open()];
  await ledger.engine().submit(transferCommand(a, b, 1n));
});
afterAll(() => ledger.close());

describe.each(['transactions', 'entries'])('the service’s role may not touch recorded %s', (table) => {
  test.each([
    ['update', sql`update ${sql.table(table)} set amount = amount`],
    ['delete', sql`delete from ${sql.table(table)}`],
    ['truncate', sql`truncate ${sql.table(table)}`],
    ['alter', sql`alter table ${sql.table(table)} add column extra text`],
  ])('%s', async (_, statement) => {
    await expect(statement.execute(ledger.db)).rejects.toMatchObject({ code: '42501' });
  });
});

test('the database itself refuses a balance below the floor', async () => {
  await expect(sql`update ledger_accounts set posted = -1`.execute(ledger.db)).rejects.toMatchObject({ code: '23514' });
});
