import { newUuid } from '@florin/service';
import pg, { type QueryResultRow } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noWrites } from '../testing/no-writes.ts';
import { engineOptions, ledgerDatabase } from '../testing/test-ledger.ts';
import {
  findTransactions,
  lockAccounts,
  lockHolds,
  lockPayments,
  readAnswers,
  readLimitUses,
  readReversed,
  type Statement,
} from './batch-statements.ts';
import { Lane } from './lane.ts';
import { writeBatch } from './write-batch.ts';

let database: Awaited<ReturnType<typeof ledgerDatabase>>;
let lane: Lane;
beforeAll(async () => {
  database = await ledgerDatabase();
  lane = new Lane(engineOptions(database.url).database);
});
afterAll(async () => {
  await lane.close();
  await database.drop();
});

const ids = [newUuid()];
/** New ones for each use: a lane leaves them without their values. */
const makeStatements = (): Statement<QueryResultRow>[] => [
  readAnswers([{ caller: 'usr_1', key: 'key', fingerprint: Buffer.alloc(32) }]),
  lockAccounts(ids),
  lockPayments(ids),
  lockHolds(ids),
  readLimitUses(ids, ['2026-11']),
  readReversed(ids),
  findTransactions(ids),
  writeBatch(noWrites, new Map(), new Date()),
  writeBatch(
    { ...noWrites, limitUses: [{ accountId: newUuid(), period: '2026-11', amount: 1n }] },
    new Map(),
    new Date(),
  ),
];

// A scan of an index without a condition reads all of it.
const readsFromEndToEnd = /Seq Scan on|Hash Join|Merge Join|Index (Only )?Scan using [^\n]*\n(?!\s+Index Cond)/;

/** The kept plans of the lane's statements, by name, with these settings on top of the lane's. */
async function plans(settings: readonly string[] = []): Promise<Map<string, string>> {
  const prepared = {
    name: 'prepared',
    text: 'select name, cardinality(parameter_types) as size from pg_prepared_statements',
  };
  const statements = makeStatements();
  const before = settings.map((text, index) => ({ name: `setting_${index}`, text }));
  const results = await lane.begin([...before, ...statements, prepared]);
  const sizes = new Map(results.at(-1)?.map(({ name, size }) => [String(name), Number(size)]));
  const explained = statements.map(({ name }) => ({
    name: `explain_${name}_${settings.length}`,
    text: `explain execute ${name} (${Array.from({ length: sizes.get(name) ?? 0 }, () => 'null').join(', ')})`,
  }));
  await lane.rollback();
  const answers = await lane.begin([...before.map((item) => ({ ...item, name: `again_${item.name}` })), ...explained]);
  await lane.rollback();
  return new Map(
    statements.map(({ name }, index) => [
      name,
      (answers[before.length + index] ?? []).map((row) => row['QUERY PLAN']).join('\n'),
    ]),
  );
}

describe('the statements of a batch, planned while the tables are empty', () => {
  test('find every row by its key', async () => {
    for (const [name, plan] of await plans()) {
      expect(plan, name).toMatch(/Index|Tid Scan/);
      expect(plan, name).not.toMatch(readsFromEndToEnd);
      if (name.startsWith('write_batch')) expect(plan).toMatch(/Tid Scan on ledger_accounts/);
    }
  });

  test('do so also where the server has counted that nothing is there', async () => {
    const admin = new pg.Client({ connectionString: database.adminUrl });
    await admin.connect();
    await admin.query('vacuum (analyze)');
    await admin.end();
    for (const [name, plan] of await plans(['discard plans'])) {
      // An update of a table that is believed to be empty looks at all of it, until the server has counted again.
      if (name !== 'write_batch_full') expect(plan, name).not.toMatch(readsFromEndToEnd);
    }
  });

  test('would not without the settings of a lane', async () => {
    const usual = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin'].map((name) => `set local ${name} = on`);
    const found = [...(await plans(['discard plans', ...usual])).values()].filter((plan) =>
      readsFromEndToEnd.test(plan),
    );
    expect(found).not.toEqual([]);
  });
});
