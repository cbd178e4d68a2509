import { type Kysely, sql } from 'kysely';

/**
 * For statements that find their rows by key. A plan is made once and kept, so it must not depend on how many rows the tables
 * had then: planned on a young, small table, the server would go on reading it from end to end.
 */
export const planningByKey = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  // It gathers all that match before the first row comes: a page of a long backlog would read and sort the whole of it.
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
} as const;

const settings = sql.join(
  Object.entries(planningByKey).map(([name, value]) => sql`set_config(${name}, ${value}, true)`),
  sql`, `,
);

/** Plans so until the end of this transaction. */
export async function planByKey<Tables>(tx: Kysely<Tables>): Promise<void> {
  await sql`select ${settings}`.execute(tx);
}
