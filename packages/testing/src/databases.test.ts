import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, type DatabaseAddresses, testPostgresUrl } from './index.ts';

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

async function prepare({ adminUrl, database }: DatabaseAddresses): Promise<void> {
  await query(
    adminUrl,
    `do $$ begin create role trial login password 'test'; exception when duplicate_object then null; end $$;
     create schema trial authorization trial; create table trial.notes (text text); grant all on trial.notes to trial;
     insert into trial.notes values ('${database}');
     alter role trial in database ${database} set search_path = trial;
     alter role trial in database ${database} set statement_timeout = '5s'`,
  );
}

describe('createTestDatabase', () => {
  it('prepares once and copies: parallel callers get databases of their own', async () => {
    let prepared = 0;
    const options = {
      schema: 'trial',
      prepare: async (target: DatabaseAddresses) => {
        prepared += 1;
        await prepare(target);
      },
    };
    const databases = await Promise.all([1, 2, 3].map(() => createTestDatabase(options)));
    expect(prepared).toBe(1);
    expect(new Set(databases.map(({ database }) => database)).size).toBe(3);
    const [first, second] = databases;
    if (first === undefined || second === undefined) throw new Error('no databases');
    await query(first.url, "insert into trial.notes values ('mine')");
    expect((await query(first.url, 'select * from trial.notes')).rowCount).toBe(2);
    expect((await query(second.url, 'select * from notes')).rowCount).toBe(1);
    expect((await query(second.url, 'show statement_timeout')).rows).toEqual([{ statement_timeout: '5s' }]);
    await Promise.all(databases.map((database) => database.drop()));
    const left = await query(await testPostgresUrl(), `select 1 from pg_database where datname = '${first.database}'`);
    expect(left.rowCount).toBe(0);
  });

  it('reports what prepare threw, and the next caller starts afresh', async () => {
    const failing = createTestDatabase({
      schema: 'broken',
      prepare: () => Promise.reject(new Error('migration 3 is wrong')),
    });
    await expect(failing).rejects.toThrow('migration 3 is wrong');
    const working = await createTestDatabase({ schema: 'broken', prepare });
    await working.drop();
  });
});
