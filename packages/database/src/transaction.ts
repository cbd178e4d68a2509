import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Transaction } from './kysely.ts';
import { transactionRetries } from './metrics.ts';

const maxAttempts = 5;

/** The SQLSTATE of a database error, or the code of a system error such as ECONNREFUSED. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Runs `work` in one transaction (read committed) and commits; a throw rolls back.
 *
 * A deadlock or serialisation failure runs `work` again from the start, five times at most, so `work` must touch
 * nothing but the database. After an error of the connection the outcome of the commit is unknown: it is thrown, not retried.
 */
export async function inTransaction<Tables, Result>(
  db: Database<Tables>,
  work: (tx: Transaction<Tables>) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      const code = errorCode(error);
      if ((code !== '40001' && code !== '40P01') || attempt >= maxAttempts) throw error;
      transactionRetries.inc({ code });
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}
