import type { Kysely } from 'kysely';
import type { Tables } from '../tables.ts';
import type { ChainedEntry } from './audit-entry.ts';

/** An entry with its links. */
export interface LoggedEntry extends ChainedEntry {
  previousHash: Buffer;
  hash: Buffer;
}

/** Which entries to show; times are of the entries' `at`, `from` included, `to` not. */
export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  resource?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
}

const columns = ['sequence', 'id', 'at', 'actor', 'action', 'resource', 'details', 'ip'] as const;

/** One page of the log, the newest first: entries before the sequence `before`. */
export async function listAuditEntries(
  db: Kysely<Tables>,
  filter: AuditFilter,
  place: { before?: bigint | undefined; limit: number },
): Promise<ChainedEntry[]> {
  let query = db.selectFrom('audit_log').select(columns).orderBy('sequence', 'desc').limit(place.limit);
  if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor);
  if (filter.action !== undefined) query = query.where('action', '=', filter.action);
  if (filter.resource !== undefined) query = query.where('resource', '=', filter.resource);
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('at', '<', filter.to);
  if (place.before !== undefined) query = query.where('sequence', '<', place.before);
  return await query.execute();
}

/** The next entries of the chain after the sequence `after`, in its order. */
export async function readChain(db: Kysely<Tables>, after: bigint, limit: number): Promise<LoggedEntry[]> {
  return await db
    .selectFrom('audit_log')
    .select([...columns, 'previous_hash as previousHash', 'hash'])
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute();
}
