import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { inTransaction, prepare } from './index.ts';
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
