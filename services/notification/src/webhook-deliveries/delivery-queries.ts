import { type Database, type Transaction, uuidColumn } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import { deliveryId } from '../webhook-events/webhook-event-queries.ts';
import type { Attempt, Delivery } from './delivery.ts';

type Connection = Database<Tables> | Transaction<Tables>;

const columns = sql`delivery.id, delivery.endpoint_id as "endpointId", delivery.event_id as "eventId",
  (select type from webhook_events as event where event.id = delivery.event_id and event.owner_id = delivery.owner_id) as type,
  delivery.status, delivery.attempts as "attemptCount", delivery.next_attempt_at as "nextAttemptAt",
  delivery.created_at as "createdAt"`;

type Head = Omit<Delivery, 'attempts'>;

/** A place in a list that is newest first: those older than `before`. */
export interface DeliveryPage {
  before: string | undefined;
  limit: number;
}

/** A page of what is or was delivered to an endpoint, the newest event first. */
export async function listDeliveries(db: Connection, endpointId: string, page: DeliveryPage): Promise<Delivery[]> {
  const { before, limit } = page;
  const older = before === undefined ? sql`true` : sql`delivery.id < ${before}`;
  const { rows } = await sql<Head>`select ${columns} from webhook_deliveries as delivery
    where delivery.endpoint_id = ${endpointId} and ${older} order by delivery.id desc limit ${limit}`.execute(db);
  return await withAttempts(db, rows);
}

/** A page of what is or was delivered to any endpoint of a person, the newest event first; each is read from its index. */
export async function listOwnDeliveries(db: Connection, ownerId: string, page: DeliveryPage): Promise<Delivery[]> {
  const { before, limit } = page;
  const older = before === undefined ? sql`true` : sql`newest.id < ${before}`;
  const { rows } = await sql<Head>`select ${columns} from webhook_endpoints as endpoint cross join lateral (
      select * from webhook_deliveries as newest
      where newest.endpoint_id = endpoint.id and ${older} order by newest.id desc limit ${limit}
    ) as delivery
    where endpoint.owner_id = ${ownerId} order by delivery.id desc limit ${limit}`.execute(db);
  return await withAttempts(db, rows);
}

/** The person's delivery with that id. */
export async function findDelivery(db: Connection, ownerId: string, id: string): Promise<Delivery | undefined> {
  const { rows } = await sql<Head>`select ${columns} from webhook_deliveries as delivery
    where delivery.id = ${id} and delivery.owner_id = ${ownerId}`.execute(db);
  return (await withAttempts(db, rows))[0];
}

async function withAttempts(db: Connection, heads: readonly Head[]): Promise<Delivery[]> {
  if (heads.length === 0) return [];
  const { rows } = await sql<Attempt & { deliveryId: string }>`
    select delivery_id as "deliveryId", number, at, status, error, latency_ms as "latencyMs", answer
    from webhook_attempts where delivery_id = any(${heads.map(({ id }) => id)}::uuid[])
    order by delivery_id, number`.execute(db);
  const byDelivery = Map.groupBy(rows, (row) => row.deliveryId);
  return heads.map((head) => {
    const attempts = byDelivery.get(head.id) ?? [];
    return { ...head, attempts: attempts.map(({ deliveryId: _, ...attempt }) => attempt) };
  });
}

/** Opens deliveries of these events to an endpoint, or opens them again from the start. The endpoint must be locked. */
export async function reopenDeliveries(
  tx: Transaction<Tables>,
  { endpoint, owner }: { endpoint: string; owner: string },
  events: readonly string[],
): Promise<void> {
  const ids = events.map((event) => deliveryId({ event, endpoint }));
  await sql`insert into webhook_deliveries (id, endpoint_id, event_id, owner_id, status, next_attempt_at, created_at)
    select id, ${endpoint}, event_id, ${owner}, 'pending', now(), now()
    from unnest(${uuidColumn(ids)}::uuid[], ${uuidColumn(events)}::uuid[]) as new (id, event_id)
    on conflict (event_id, endpoint_id) do update
    set status = 'pending', tries = 0, first_failed_at = null, next_attempt_at = now()`.execute(tx);
}

/** Makes it the endpoint's turn now, or at once after the one that it has; also while it is left alone after failures. */
export async function callEndpoint(tx: Transaction<Tables>, endpointId: string): Promise<void> {
  const now = sql<Date>`now()`;
  const query = tx.updateTable('webhook_endpoints').set({ due_at: now, resting_until: null, called: true });
  await query.where('id', '=', endpointId).execute();
}
