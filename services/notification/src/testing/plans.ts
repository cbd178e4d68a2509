import { createPool, type Database } from '@florin/database';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import type { Tables } from '../tables.ts';
import type { TestService } from './test-service.ts';

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  Plans?: Plan[];
}

/** A connection whose statements are seen. */
export interface PlanWatch {
  /** What is watched. */
  db: Database<Tables>;
  /** The same database as the owner of the tables. */
  owner: Database<Tables>;
  /** The statements that `work` sends, without those that only begin and end transactions. */
  statements(work: () => Promise<unknown>): Promise<string[]>;
  /** How they reach tables of that prefix: names of indexes, or what is done instead. */
  ways(prefix: string, work: () => Promise<unknown>): Promise<string[]>;
  close(): Promise<void>;
}

/** Watches what is sent to the database of a service. */
export function watchPlans(service: TestService): PlanWatch {
  const sent: CompiledQuery[] = [];
  const pool = (url: string) => createPool({ url, schema: 'notification', applicationName: 'reading' });
  const owner = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool(service.database.ownerUrl) }) });
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: pool(service.database.url) }),
    log: ({ level, query }) => {
      if (level === 'query' && !['begin', 'commit'].includes(query.sql)) sent.push(query);
    },
  });
  async function sentBy(work: () => Promise<unknown>): Promise<CompiledQuery[]> {
    sent.length = 0;
    await work();
    if (sent.length === 0) throw new Error('nothing was sent');
    return [...sent];
  }
  return {
    db,
    owner,
    statements: async (work) => (await sentBy(work)).map((query) => query.sql),
    ways: async (prefix, work) => {
      const found = new Set<string>();
      for (const { sql: statement, parameters } of await sentBy(work)) {
        const explain = CompiledQuery.raw(`explain (format json) ${statement}`, [...parameters]);
        const { rows } = await owner.executeQuery<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explain);
        for (const row of rows) look(row['QUERY PLAN'][0].Plan, prefix, found);
      }
      return [...found];
    },
    close: async () => {
      await owner.destroy();
      await db.destroy();
    },
  };
}

function look(plan: Plan, prefix: string, found: Set<string>): void {
  if (plan['Index Name']?.startsWith(prefix)) found.add(plan['Index Name']);
  const isWhole = plan['Node Type'] === 'Seq Scan' && plan['Relation Name']?.startsWith(prefix);
  if (isWhole || plan['Node Type'] === 'Sort') found.add(plan['Node Type']);
  for (const part of plan.Plans ?? []) look(part, prefix, found);
}
