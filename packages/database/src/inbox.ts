import { firstUuidAt, formatId } from '@florin/service';
import { type Generated, type Kysely, sql } from 'kysely';
import { textColumn } from './binary-array.ts';
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
  await keyInboxByEvent(db);
}

/**
 * Leaves the inbox one index, which serves its purge too; call it from a migration. The ids of events begin with the time
 * of their making: ahead of the queue, and compared byte by byte, they are in that order. Code from before works on with it.
 */
export async function keyInboxByEvent<Tables>(db: Kysely<Tables>): Promise<void> {
  await sql`drop index if exists inbox_received_at`.execute(db);
  await sql`alter table inbox drop constraint inbox_pkey`.execute(db);
  await sql`alter table inbox alter column event_id type text collate "C"`.execute(db);
  await sql`alter table inbox add primary key (event_id, queue)`.execute(db);
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
  // Sorted, so that two consumers with the same events wait for each other instead of deadlocking.
  const rows = await insertFresh(tx, [queue, textColumn(eventIds.toSorted())]);
  return new Set(rows.map((row) => row.event_id));
}

const insertFresh = prepare<{ event_id: string }>(
  'insert-fresh',
  `insert into inbox (queue, event_id) select $1, id from unnest($2::text[]) as new (id)
   on conflict do nothing returning event_id`,
);

/**
 * Forgets events made longer ago than this; returns how many. A redelivery after that would take effect again, so keep them
 * longer than any event may stay in a queue or among the dead letters: weeks.
 */
export async function purgeInbox<Tables>(db: Kysely<Tables>, olderThanHours: number): Promise<bigint> {
  const [first, before] = [0, Date.now() - olderThanHours * 3_600_000].map((ms) => formatId('evt', firstUuidAt(ms)));
  const result = await sql`delete from inbox where event_id >= ${first} and event_id < ${before}`.execute(db);
  return result.numAffectedRows ?? 0n;
}
