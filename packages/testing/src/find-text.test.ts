import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './databases.ts';
import { withClient } from './drop-databases.ts';
import { columnsWith } from './find-text.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({
    schema: 'findable',
    prepare: ({ adminUrl }) =>
      withClient(adminUrl, async (client) => {
        await client.query(`create schema findable;
          create table findable.things (a text, b jsonb, c text[], d bytea, e json, f integer, "G g" text);
          insert into findable.things values
            ('no', '{"deep": ["Ca_n%ry"]}', '{ca_n%ry}', 'xca_n%ryx', '"CA_N%RY"', 5, 'my ca_n%ry');
          insert into findable.things (a) values (null)`);
      }),
  });
});
afterAll(() => database?.drop());

it('finds a text in columns of every type, and takes no character for a pattern', async () => {
  const all = ['things.G g', 'things.b', 'things.c', 'things.d', 'things.e'];
  expect((await columnsWith(database.adminUrl, 'findable', ['nowhere', 'ca_n%ry'])).sort()).toEqual(all);
  expect(await columnsWith(database.adminUrl, 'findable', ['cann%ry', 'ca_nyyry'])).toEqual([]);
  await expect(columnsWith(database.adminUrl, 'elsewhere', ['x'])).rejects.toThrow('no tables');
});
