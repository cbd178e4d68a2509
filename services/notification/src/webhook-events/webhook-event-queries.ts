import { type Database, prepare, type Transaction, textColumn, timeColumn, uuidColumn } from '@florin/database';
import { firstUuidAt } from '@florin/service';
import { sql } from 'kysely';
import { derivedId } from '../derived-id.ts';
import type { Tables } from '../tables.ts';
import type { WebhookEvent } from './webhook-event.ts';

type Connection = Database<Tables> | Transaction<Tables>;

/** An endpoint as those see it who make events. */
export interface ListeningEndpoint {
  id: string;
  owner: string;
  /** Types, or `*` alone; none while it is disabled. */
  events: string[];
}

/** The endpoints of these people, disabled ones too: what happens meanwhile can be replayed. */
export const listEndpointsOf = (db: Connection, owners: readonly string[]): Promise<ListeningEndpoint[]> =>
  readEndpoints(db, [uuidColumn(owners)]);

const readEndpoints = prepare<ListeningEndpoint>(
  'endpoints-of-owners',
  `select id, owner_id as owner, case status when 'enabled' then events else '{}' end as events
   from webhook_endpoints where owner_id = any($1::uuid[])`,
);

/** An event for an endpoint, all ids as UUIDs. */
export interface OpenDelivery {
  readonly endpoint: string;
  readonly event: string;
  readonly owner: string;
}

/** What a batch of events comes to. */
export interface Recording {
  readonly events: readonly WebhookEvent[];
  /** All endpoints of the events' owners: nothing is kept for who has none any more. */
  readonly endpoints: readonly { readonly id: string }[];
  readonly deliveries: readonly OpenDelivery[];
}

/** The id of an event's delivery to an endpoint: there can be only one, and they are in the order of events. */
export function deliveryId({ event, endpoint }: Pick<OpenDelivery, 'event' | 'endpoint'>): string {
  return derivedId(event, endpoint);
}

/**
 * Keeps events and opens their deliveries, in one statement, and says how many are new. What is known already stays as it is.
 * The endpoints are locked by it in the order of their ids: an endpoint or a person that goes at this moment goes before or after
 * it, and nothing is left behind.
 */
export async function recordEvents(db: Connection, { events, endpoints, deliveries }: Recording): Promise<number> {
  // In every process in the same order: two of them with the same events don't deadlock.
  const sorted = events.toSorted((one, other) => compare(one.id, other.id) || compare(one.owner, other.owner));
  const opened = deliveries.map((delivery) => ({ ...delivery, id: deliveryId(delivery) }));
  opened.sort((one, other) => compare(one.id, other.id));
  const rows = await insertEvents(db, [
    uuidColumn(endpoints.map(({ id }) => id)),
    uuidColumn(sorted.map(({ id }) => id)),
    uuidColumn(sorted.map(({ owner }) => owner)),
    textColumn(sorted.map(({ type }) => type)),
    uuidColumn(sorted.map(({ transaction }) => transaction)),
    timeColumn(sorted.map(({ occurredAt }) => occurredAt)),
    textColumn(sorted.map(({ body }) => body)),
    uuidColumn(opened.map(({ id }) => id)),
    uuidColumn(opened.map(({ endpoint }) => endpoint)),
    uuidColumn(opened.map(({ event }) => event)),
    uuidColumn(opened.map(({ owner }) => owner)),
  ]);
  return rows[0]?.opened ?? 0;
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

const insertEvents = prepare<{ opened: number }>(
  'insert-webhook-events',
  `with kept as materialized (
     select id, owner_id, status from webhook_endpoints where id = any($1::uuid[]) order by id for no key update
   ), event as (
     insert into webhook_events (id, owner_id, type, transaction_id, occurred_at, body)
     select id, owner_id, type, transaction_id, occurred_at, body
     from unnest($2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::timestamptz[], $7::text[])
       as new (id, owner_id, type, transaction_id, occurred_at, body)
     where exists (select from kept where kept.owner_id = new.owner_id)
     on conflict do nothing
   ), delivery as (
     insert into webhook_deliveries (id, endpoint_id, event_id, owner_id, status, next_attempt_at, created_at)
     select new.id, new.endpoint_id, new.event_id, new.owner_id, 'pending', now(), now()
     from unnest($8::uuid[], $9::uuid[], $10::uuid[], $11::uuid[]) as new (id, endpoint_id, event_id, owner_id)
     join kept on kept.id = new.endpoint_id and kept.status = 'enabled'
     on conflict do nothing returning endpoint_id
   ), due as (
     update webhook_endpoints set due_at = least(due_at, greatest(now(), resting_until))
     where id in (select endpoint_id from delivery)
   )
   select count(*)::int as opened from delivery`,
);

/** Deletes the events of these people and all their deliveries. Pieces are small enough for any number. */
export async function deleteEventsOf(db: Connection, owners: readonly string[]): Promise<void> {
  await inPieces(async () => {
    const { numAffectedRows } = await sql`delete from webhook_events where (id, owner_id) in (
      select id, owner_id from webhook_events where owner_id = any(${owners}::uuid[]) limit ${pieceRows}
    )`.execute(db);
    return numAffectedRows;
  });
}

/**
 * Deletes events older than this many days, by the time in their ids, with all their deliveries; what is still on its way stays.
 * Returns how many. The primary key is in the order of time: nothing else is read.
 */
export async function purgeEvents(db: Connection, olderThanDays: number): Promise<bigint> {
  const before = firstUuidAt(Date.now() - olderThanDays * 86_400_000);
  return await inPieces(async () => {
    const { numAffectedRows } = await sql`delete from webhook_events where (id, owner_id) in (
      select id, owner_id from webhook_events as event where id < ${before} and not exists (
        select from webhook_deliveries as delivery
        where delivery.event_id = event.id and delivery.owner_id = event.owner_id and delivery.status = 'pending')
      order by id limit ${pieceRows}
    )`.execute(db);
    return numAffectedRows;
  });
}

/** Rows that one statement deletes or changes at most, well within the time that a statement has. */
export const pieceRows = 5_000;

/** Repeats a piece of work until it finds less than a piece, and says how many rows there were. */
export async function inPieces(work: () => Promise<bigint | undefined>): Promise<bigint> {
  for (let total = 0n; ; ) {
    const rows = (await work()) ?? 0n;
    total += rows;
    if (rows < pieceRows) return total;
  }
}
