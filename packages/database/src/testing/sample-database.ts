import { join } from 'node:path';
import { createTestDatabase, type TestDatabase, testPassword } from '@florin/testing';
import { afterAll, beforeAll } from 'vitest';
import {
  createDatabase,
  createPool,
  type Database,
  type IdempotencyKeysTable,
  type InboxTable,
  migrate,
  type OutboxTable,
  provision,
} from '../index.ts';

export const schema = 'database_sample';
/** A neighbour in the same database. */
export const otherSchema = 'database_other';
export const folder = join(import.meta.dirname, 'migrations');

export interface SampleTables {
  things: { id: bigint; name: string };
  entries: { id: bigint; amount: bigint; booked: string | null; seen_at: Date | null };
  outbox: OutboxTable;
  inbox: InboxTable;
  idempotency_keys: IdempotencyKeysTable;
}

/** Two services' schemas in a database of the test's own, both with the sample tables. */
export async function sampleDatabase(): Promise<TestDatabase> {
  return await createTestDatabase({
    schema,
    prepare: async ({ adminUrl }) => {
      const services = [schema, otherSchema].map((name) => ({
        name,
        password: testPassword,
        ownerPassword: testPassword,
      }));
      const made = await provision({ adminUrl, services, busPassword: testPassword });
      for (const name of [schema, otherSchema]) {
        await migrate({ url: made.services[name]?.ownerUrl ?? '', schema: name, folder, role: name });
      }
    },
  });
}

/** For a test file: a database before its tests, gone after them. */
export function useSampleDatabase(): { readonly database: TestDatabase; readonly db: Database<SampleTables> } {
  let database: TestDatabase;
  let db: Database<SampleTables>;
  beforeAll(async () => {
    database = await sampleDatabase();
    db = createDatabase<SampleTables>(createPool({ url: database.url, schema, applicationName: 'sample', max: 20 }));
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });
  return {
    get database() {
      return database;
    },
    get db() {
      return db;
    },
  };
}
