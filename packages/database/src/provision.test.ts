import { randomBytes } from 'node:crypto';
import { testPostgresUrl } from '@florin/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Provisioned, provision } from './index.ts';
import { otherSchema, schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();

async function as<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const denied = { code: '42501' };

describe('the runtime role', () => {
  test.each([
    ['reads', 'select * from'],
    ['writes', 'delete from'],
  ])('never %s rows of another service', async (_, verb) => {
    await as(sample.database.urlFor(otherSchema), (client) =>
      expect(client.query(`${verb} ${schema}.entries`)).rejects.toMatchObject(denied),
    );
  });

  test('changes rows, but no table', async () => {
    await as(sample.database.url, async (client) => {
      await client.query(`insert into ${schema}.things (name) values ('one')`);
      await client.query(`update ${schema}.things set name = 'two' where name = 'one'`);
      await client.query(`delete from ${schema}.things where name = 'two'`);
      await expect(client.query(`drop table ${schema}.things`)).rejects.toMatchObject(denied);
      await expect(client.query(`create table ${schema}.mine ()`)).rejects.toMatchObject(denied);
      await expect(client.query('create table public.mine ()')).rejects.toMatchObject(denied);
    });
  });

  test('does not get back what a migration took away', async () => {
    await as(sample.database.url, async (client) => {
      await client.query(`insert into ${schema}.entries values (1, 100)`);
      await expect(client.query(`update ${schema}.entries set amount = 0`)).rejects.toMatchObject(denied);
      await expect(client.query(`delete from ${schema}.entries`)).rejects.toMatchObject(denied);
    });
  });

  test('reads the record of migrations and cannot forge it', async () => {
    await as(sample.database.url, async (client) => {
      expect((await client.query(`select name from ${schema}.kysely_migration`)).rowCount).toBe(1);
      await expect(client.query(`delete from ${schema}.kysely_migration`)).rejects.toMatchObject(denied);
    });
  });

  test('the bus sees no service and no service sees the bus', async () => {
    await as(sample.database.busUrl, (client) =>
      expect(client.query(`select * from ${schema}.entries`)).rejects.toMatchObject(denied),
    );
    await as(sample.database.url, (client) =>
      expect(client.query('create table bus.mine ()')).rejects.toMatchObject(denied),
    );
  });
});

describe('provision', () => {
  const suffix = randomBytes(4).toString('hex');
  const database = `florin_provision_${suffix}`;
  const name = `provision_${suffix}`;
  const password = `it's "quoted" \\ and $long`;
  let adminUrl: string;

  beforeAll(async () => {
    adminUrl = await testPostgresUrl();
  });
  afterAll(async () => {
    await as(adminUrl, async (client) => {
      await client.query(`drop database if exists ${database} with (force)`);
      await client.query(`drop role if exists ${name}, ${name}_owner`);
    });
  });

  const run = (): Promise<Provisioned> =>
    provision({ adminUrl, database, services: [{ name, password, ownerPassword: password }] });

  test('five at once make one database, and again changes nothing', async () => {
    await Promise.all(Array.from({ length: 5 }, run));
    const { services } = await run();
    await as(services[name]?.url ?? '', async (client) => {
      const { rows } = await client.query("select current_user as role, current_setting('search_path') as path");
      expect(rows).toEqual([{ role: name, path: name }]);
    });
  });

  test('the server keeps no password that can be read', async () => {
    await as(adminUrl, async (client) => {
      const { rows } = await client.query('select rolpassword from pg_authid where rolname = $1', [name]);
      expect(rows[0].rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
    });
  });

  test('a role of one database cannot enter it without being told to', async () => {
    await as(adminUrl, async (client) => {
      const { rows } = await client.query("select has_database_privilege($1, $2, 'connect') as may", [
        schema,
        database,
      ]);
      expect(rows).toEqual([{ may: false }]);
    });
  });

  test.each(['bus', 'Robert', 'a-b', 'x"; drop role postgres'])('refuses the name %s', async (bad) => {
    const made = provision({ adminUrl, database, services: [{ name: bad, password, ownerPassword: password }] });
    await expect(made).rejects.toThrow('cannot be called');
  });
});
