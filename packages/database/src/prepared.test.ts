import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { inTransaction, planKeeper, prepare } from './index.ts';
import { useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const add = prepare<{ name: string }>('add-thing', 'insert into things (name) values ($1) returning name');

test('a prepared statement is parsed once per connection, under its name, and its rows come back', async () => {
  const [one, two] = [randomUUID(), randomUUID()];
  const { names, rows } = await inTransaction(sample.db, async (tx) => {
    const rows = [await add(tx, [one]), await add(tx, [two])];
    const prepared = sql<{ name: string }>`select name from pg_prepared_statements order by name`;
    return { rows, names: (await prepared.execute(tx)).rows };
  });
  expect(rows).toEqual([[{ name: one }], [{ name: two }]]);
  expect(names).toEqual([{ name: 'add-thing' }]);
});

test('a query of the builder keeps its plan under a name, and what says the same as a prepared statement has none', async () => {
  const keepPlan = planKeeper('find-thing');
  const names = await inTransaction(sample.db, async (tx) => {
    const find = (name: string) => tx.selectFrom('things').select('name').where('name', '=', name).$call(keepPlan);
    await find('one').execute();
    await find('two').executeTakeFirst();
    await sql`insert into things (name) values (${randomUUID()}) returning name`.execute(tx);
    return (await sql<{ name: string }>`select name from pg_prepared_statements order by name`.execute(tx)).rows;
  });
  expect(names.map(({ name }) => name).filter((name) => name !== 'add-thing')).toEqual(['find-thing']);
  expect(() => planKeeper('add-thing')(sample.db.selectFrom('things').select('id'))).toThrow('add-thing');
});

test('it is part of the transaction that it is given', async () => {
  const undone = inTransaction(sample.db, async (tx) => {
    await add(tx, ['never']);
    throw new Error('no');
  });
  await expect(undone).rejects.toThrow('no');
  const found = await sample.db.selectFrom('things').select('name').where('name', '=', 'never').execute();
  expect(found).toEqual([]);
});

test('two statements of one name are refused', () => {
  expect(() => prepare('add-thing', 'select 1')).toThrow('add-thing');
});
