import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, errorCode } from '@florin/database';
import { sql } from 'kysely';

const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
]);
const clientMessages =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|not queryable/i;

/** True when the error says nothing of the work but that the database could not be reached or is going down. */
export function isDatabaseAway(error: unknown): boolean {
  const code = errorCode(error);
  if (code === undefined) return error instanceof Error && clientMessages.test(error.message);
  // 08: connection; 53: out of connections or disk; 57P: shutting down or starting up; 25006: read-only after a failover;
  // 25P03: the server has ended a transaction in which this process stood still.
  return systemCodes.has(code) || /^(08|53|57P|25006|25P03)/.test(code);
}

/** Waits until a query goes through, asking after 0.1 s, then less and less often, up to every 2 s. @throws when closing */
export async function untilDatabaseAnswers<Tables>(db: Database<Tables>, closing: AbortSignal): Promise<void> {
  for (let wait = 100; ; wait = Math.min(2_000, wait * 2)) {
    await sleep(wait, undefined, { signal: closing });
    try {
      await sql`select 1`.execute(db);
      return;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
    }
  }
}
