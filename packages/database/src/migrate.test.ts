import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@florin/testing';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { checkMigrations, MigrationError, migrate } from './index.ts';
import { schema, useSampleDatabase } from './testing/sample-database.ts';

const sample = useSampleDatabase();
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const first = '20261120T1200-create-sample';
const nothing = 'export async function up() {}';

/** A folder with the sample's migration, which has run already, and these. */
async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'florin-migrations-'));
  folders.push(folder);
  for (const [name, text] of Object.entries({ [first]: nothing, ...files })) {
    await writeFile(join(folder, `${name}.ts`), text);
  }
  return folder;
}

const create = (table: string) =>
  `export async function up(db: any) { await db.schema.createTable('${table}').addColumn('id', 'int8').execute(); }`;

const run = (folder: string, maxAttempts?: number) =>
  migrate({
    url: sample.database.ownerUrl,
    schema,
    folder,
    role: schema,
    ...(maxAttempts !== undefined && { maxAttempts }),
  });

describe('migrate', () => {
  test('eight concurrent starts run each migration once', async () => {
    const folder = await folderWith({ '20261121T1000-create-many': create('many') });
    const runs = await Promise.all(Array.from({ length: 8 }, () => run(folder)));
    expect(runs.flat()).toEqual(['20261121T1000-create-many']);
    await sample.db
      .selectFrom('many' as 'things')
      .select('id')
      .execute();
  });

  test('a failing migration leaves nothing of its run behind', async () => {
    const folder = await folderWith({
      '20261122T1000-create-half': create('half'),
      '20261122T1001-fail': "export async function up() { throw new Error('broken'); }",
    });
    await expect(run(folder)).rejects.toThrow('broken');
    await expect(
      sample.db
        .selectFrom('half' as 'things')
        .select('id')
        .execute(),
    ).rejects.toMatchObject({ code: '42P01' });
  });

  test('gives up after a second behind an open transaction, and succeeds when that has ended', async () => {
    const folder = await folderWith({
      '20261123T1000-widen-things': `export async function up(db: any) { await db.schema.alterTable('things').addColumn('note', 'text').execute(); }`,
    });
    const holder = new pg.Client({ connectionString: sample.database.ownerUrl });
    await holder.connect();
    await holder.query(`begin; select * from ${schema}.things`);
    await expect(run(folder, 1)).rejects.toMatchObject({ code: '55P03' });

    const running = run(folder);
    const admin = new pg.Client({ connectionString: sample.database.adminUrl });
    await admin.connect();
    await eventually(async () => {
      const { rows } = await admin.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'alter%'",
      );
      expect(rows).toHaveLength(1);
    });
    const blocked = Date.now();
    await sample.db.selectFrom('things').select('id').execute();
    expect(Date.now() - blocked).toBeLessThan(1_500);
    await holder.query('commit');
    await Promise.all([holder.end(), admin.end()]);
    expect(await running).toEqual(['20261123T1000-widen-things']);
  });

  test('older code accepts what newer code has added', async () => {
    expect(await run(await folderWith({ '20261124T1000-create-newer': create('newer') }))).toHaveLength(1);
    expect(await run(await folderWith({}))).toEqual([]);
  });

  test.each([
    ['a name without its time', { 'create-things': nothing }],
    ['a file without up', { '20261125T1000-create-nothing': 'export const down = 1;' }],
  ])('refuses %s', async (_, files: Record<string, string>) => {
    await expect(run(await folderWith(files))).rejects.toThrow(MigrationError);
  });
});

describe('checkMigrations', () => {
  test('refuses a database that lacks a migration', async () => {
    const folder = await folderWith({ '20261126T1000-create-missing': create('missing') });
    await expect(checkMigrations(sample.db, folder)).rejects.toThrow(
      /lacks the migration 20261126T1000-create-missing/,
    );
    await run(folder);
    await checkMigrations(sample.db, folder);
  });

  test('code older than a breaking migration refuses in one line, to migrate and to start', async () => {
    await run(await folderWith({ '20261127T1000-drop-column-breaking': nothing }));
    const older = await folderWith({});
    for (const start of [() => run(older), () => checkMigrations(sample.db, older)]) {
      await expect(start()).rejects.toThrow(
        /^This code is older than the database: it does not know the breaking migration 20261127T1000-drop-column-breaking$/,
      );
    }
  });
});
