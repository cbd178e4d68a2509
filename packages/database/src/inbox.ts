import { type Generated, type Kysely, sql } from 'kysely';
import type { Transaction } from './kysely.ts';
import { prepare } from './prepared.ts';

/** The inbox of a service as a Kysely table: which event has taken effect through which queue. */
export interface InboxTable {
  queue: string;
  event_id: string;
  received_at: Generated<Date>;
}

/** Creates the table `inbox` in the schema that comes first in the search_path; call it from a migration. */
export async function createInbox<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`create table inbox (
    queue text not null,
    event_id text not null,
    received_at timestamptz not null default now(),
    primary key (queue, event_id)
  )`.execute(db);
  await sql`create index inbox_received_at on inbox (received_at)`.execute(db);
}

/**
 * Records the events as received and returns the ids not seen before; the others have taken effect already.
 * A transaction that holds the same ids at this moment is waited for: if it commits, they count as seen.
 * Call it in the transaction of the effect.
 */
export async function takeFresh<Tables>(
  tx: Transaction<Tables>,
  queue: string,
  eventIds: readonly string[],
): Promise<Set<string>> {
  const rows = await insertFresh(tx, [queue, eventIds]);
  return new Set(rows.map((row) => row.event_id));
}

// In id order, so that two consumers with the same events wait for each other instead of deadlocking.
const insertFresh = prepare<{ event_id: string }>(
  'insert-fresh',
  `insert into inbox (queue, event_id)
   select $1, id from unnest($2::text[]) as new (id) order by id collate "C"
   on conflict do nothing returning event_id`,
);

/**
 * Forgets events received longer ago than this; returns how many. A redelivery after that would take effect again,
 * so keep them longer than any event may stay in a queue or among the dead letters: weeks.
 */
export async function purgeInbox<Tables>(db: Kysely<Tables>, olderThanHours: number): Promise<bigint> {
  const result =
    await sql`delete from inbox where received_at < now() - make_interval(hours => ${olderThanHours})`.execute(db);
  return result.numAffectedRows ?? 0n;
}
