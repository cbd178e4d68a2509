import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { createPool, inTransaction } from './index.ts';
import { schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();

describe('createPool', () => {
  test('int8 is a bigint and keeps every digit, also in arrays', async () => {
    const { rows } = await sql<Record<string, unknown>>`
      select 9223372036854775807::int8 as one, array[1, null, -9223372036854775808]::int8[] as many, '{}'::int8[] as none`.execute(
      sample.db,
    );
    expect(rows[0]).toEqual({ one: 9223372036854775807n, many: [1n, null, -9223372036854775808n], none: [] });
  });

  test('a date stays the date it is, and timestamptz is an instant', async () => {
    const { rows } = await sql<Record<string, unknown>>`
      select date '2026-11-20' as booked, timestamptz '2026-11-20T10:00:00.5Z' as seen, 0.10::numeric as rate`.execute(
      sample.db,
    );
    expect(rows[0]).toEqual({ booked: '2026-11-20', seen: new Date('2026-11-20T10:00:00.500Z'), rate: '0.10' });
  });

  test('a bigint goes in as it comes out', async () => {
    await sample.db
      .insertInto('entries')
      .values({ id: 7n, amount: -9007199254740993n, booked: null, seen_at: null })
      .execute();
    const row = await sample.db.selectFrom('entries').select('amount').where('id', '=', 7n).executeTakeFirstOrThrow();
    expect(row.amount).toBe(-9007199254740993n);
  });

  test('a statement that runs too long is cancelled', async () => {
    const pool = createPool({ url: sample.database.url, schema, applicationName: 'slow', statementTimeoutMs: 100 });
    await expect(pool.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
    await pool.end();
  });

  test('a full pool refuses instead of queueing for ever', async () => {
    const pool = createPool({
      url: sample.database.url,
      schema,
      applicationName: 'full',
      max: 1,
      connectionTimeoutMs: 100,
    });
    const client = await pool.connect();
    await expect(pool.query('select 1')).rejects.toThrow(/timeout/);
    client.release();
    await pool.end();
  });

  test('a connection cut while it is held fails its query alone', async () => {
    const pool = createPool({
      url: sample.database.url,
      schema,
      applicationName: 'held',
      idleInTransactionTimeoutMs: 50,
    });
    const client = await pool.connect();
    await client.query('begin');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(client.query('select 1')).rejects.toThrow();
    client.release(true);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  test('a connection cut by the server does not end the process and is replaced', async () => {
    const pool = createPool({ url: sample.database.url, schema, applicationName: 'cut', max: 1 });
    await pool.query('select 1');
    const admin = new pg.Client({ connectionString: sample.database.adminUrl });
    await admin.connect();
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut'");
    await admin.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describe('inTransaction', () => {
  test('a deadlock is resolved by running the work again', async () => {
    await sql`insert into things (name) values ('left'), ('right')`.execute(sample.db);
    const attempts = { count: 0 };
    const rename = (first: string, second: string) =>
      inTransaction(sample.db, async (tx) => {
        attempts.count += 1;
        await tx.selectFrom('things').select('id').where('name', '=', first).forUpdate().execute();
        await sql`select pg_sleep(0.1)`.execute(tx);
        await tx.selectFrom('things').select('id').where('name', '=', second).forUpdate().execute();
      });
    await Promise.all([rename('left', 'right'), rename('right', 'left')]);
    expect(attempts.count).toBeGreaterThan(2);
  });

  test('any other error rolls back and is thrown at once', async () => {
    let attempts = 0;
    const work = inTransaction(sample.db, async (tx) => {
      attempts += 1;
      await sql`insert into things (name) values ('ghost')`.execute(tx);
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(attempts).toBe(1);
    expect(await sample.db.selectFrom('things').where('name', '=', 'ghost').select('id').execute()).toEqual([]);
  });

  test('a deadlock that never ends is thrown after five attempts', async () => {
    let attempts = 0;
    const work = inTransaction(sample.db, async () => {
      attempts += 1;
      throw Object.assign(new Error('deadlock'), { code: '40P01' });
    });
    await expect(work).rejects.toThrow('deadlock');
    expect(attempts).toBe(5);
  });
});
