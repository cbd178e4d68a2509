import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, createPool, type RowFields, rowArray } from './index.ts';
import { schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
beforeAll(async () => {
  const owner = createDatabase(createPool({ url: sample.database.ownerUrl, schema, applicationName: 'test' }));
  await sql`create type one_of_each as (
    a uuid, b text, c json, d jsonb, e bigint, f smallint, g timestamptz, h bytea
  )`.execute(owner);
  await owner.destroy();
});

interface Row {
  a: string | null;
  b: string | null;
  c: string | null;
  d: string;
  e: bigint;
  f: number;
  g: Date | null;
  h: Buffer;
}

const write = (fields: RowFields, row: Row) => {
  fields.uuid(row.a);
  fields.text(row.b);
  fields.json(row.c);
  fields.jsonb(row.d);
  fields.bigint(row.e);
  fields.smallint(row.f);
  fields.time(row.g);
  fields.bytes(row.h);
};

async function read(array: Buffer): Promise<unknown[]> {
  const { rows } = await sql`select * from unnest(${array}::one_of_each[])`.execute(sample.db);
  return rows;
}

const row: Row = {
  a: '0192f0c0-89ab-7cde-bfed-0123456789ab',
  b: 'Grüße 🏦 "quoted", {braces}, \\ and \n',
  c: '{"x": [1, 2]}',
  d: '{"y":"z"}',
  e: -(2n ** 63n),
  f: -32_768,
  g: new Date('2026-11-29T12:34:56.789Z'),
  h: Buffer.from([0, 255, 1]),
};
const seen = { ...row, c: { x: [1, 2] }, d: { y: 'z' } };

describe('rows as one array', () => {
  test('arrive as they were, with every type', async () => {
    expect(await read(rowArray([row], write))).toEqual([seen]);
  });

  test('keep nulls, order, and instants before 1970 and far from now', async () => {
    const empty = { ...row, a: null, b: null, c: null, g: null };
    const early = { ...row, g: new Date('1969-12-31T23:59:59.999Z'), e: 2n ** 63n - 1n };
    const late = { ...row, g: new Date('2999-01-01T00:00:00.001Z'), b: '' };
    const rows = await read(rowArray([empty, early, late], write));
    expect(rows).toEqual([
      { ...seen, a: null, b: null, c: null, g: null },
      { ...seen, g: early.g, e: early.e },
      { ...seen, g: late.g, b: '' },
    ]);
  });

  test('may be many and long: the buffer grows', async () => {
    const long = Array.from({ length: 50 }, (_, index) => ({ ...row, b: 'ß'.repeat(index * 100), f: index }));
    const rows = await read(rowArray(long, write));
    expect(rows).toEqual(long.map(({ b, f }) => ({ ...seen, b, f })));
  });

  test('may be none', async () => {
    expect(await read(rowArray([], write))).toEqual([]);
  });

  test('are refused where a field is missing or of another type', async () => {
    await expect(read(rowArray([row], (fields) => fields.uuid(row.a)))).rejects.toThrow('wrong number of columns');
    const swapped = rowArray([row], (fields, { a, b, ...rest }) => {
      fields.text(b);
      fields.uuid(a);
      write(fields, { a, b, ...rest });
    });
    await expect(read(swapped)).rejects.toThrow(/wrong number of columns|binary data has type/);
  });
});
