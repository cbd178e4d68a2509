import type { Database, Transaction } from '@florin/database';
import { type Selectable, sql } from 'kysely';
import type { Tables, WebhookEndpointsTable } from '../tables.ts';
import { inPieces, pieceRows } from '../webhook-events/webhook-event-queries.ts';
import type { DisabledFor, WebhookEndpoint } from './webhook-endpoint.ts';

type Connection = Database<Tables> | Transaction<Tables>;

const columns = [
  ...(['id', 'url', 'events', 'description', 'status', 'disabled_for', 'failing_since', 'created_at'] as const),
] as const;

type Row = Pick<Selectable<WebhookEndpointsTable>, (typeof columns)[number]>;

function toEndpoint(row: Row): WebhookEndpoint {
  const { disabled_for: disabledFor, failing_since: failingSince, created_at: createdAt, ...same } = row;
  return { ...same, disabledFor, failingSince, createdAt };
}

/** Lets nobody else make endpoints for this person, or erase him, until the transaction ends. */
export async function lockOwner(tx: Transaction<Tables>, ownerId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`webhook endpoints of ${ownerId}`}, 0))`.execute(tx);
}

/** How many endpoints the person has, and whether he has been erased. The person must be locked. */
export async function findOwner(
  tx: Transaction<Tables>,
  ownerId: string,
): Promise<{ endpoints: number; erased: boolean }> {
  const { rows } = await sql<{ endpoints: number; erased: boolean }>`
    select (select count(*)::int from webhook_endpoints where owner_id = ${ownerId}) as endpoints,
      exists (select from erased_users where user_id = ${ownerId}) as erased`.execute(tx);
  return rows[0] ?? { endpoints: 0, erased: false };
}

/** Stores a new endpoint. */
export async function insertEndpoint(
  tx: Transaction<Tables>,
  ownerId: string,
  { id, url, events, description, createdAt }: WebhookEndpoint,
): Promise<void> {
  const values = { id, owner_id: ownerId, url, events, description, status: 'enabled' as const, created_at: createdAt };
  await tx.insertInto('webhook_endpoints').values(values).execute();
}

/** A page of the person's endpoints, the newest first: those made before the one with the id `before`. */
export async function listEndpoints(
  db: Connection,
  ownerId: string,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<WebhookEndpoint[]> {
  const query = db
    .selectFrom('webhook_endpoints')
    .select(columns)
    .where('owner_id', '=', ownerId)
    .orderBy('id', 'desc')
    .limit(limit);
  return (await (before === undefined ? query : query.where('id', '<', before)).execute()).map(toEndpoint);
}

/** The person's endpoint with that id. */
export async function findEndpoint(db: Connection, ownerId: string, id: string): Promise<WebhookEndpoint | undefined> {
  const query = db.selectFrom('webhook_endpoints').select(columns).where('id', '=', id).where('owner_id', '=', ownerId);
  const row = await query.executeTakeFirst();
  return row && toEndpoint(row);
}

/** As `findEndpoint`; it neither goes nor changes until the transaction ends. */
export async function lockEndpoint(
  tx: Transaction<Tables>,
  ownerId: string,
  id: string,
): Promise<WebhookEndpoint | undefined> {
  const query = tx.selectFrom('webhook_endpoints').select(columns).where('id', '=', id).where('owner_id', '=', ownerId);
  const row = await query.forNoKeyUpdate().executeTakeFirst();
  return row && toEndpoint(row);
}

/** What of an endpoint is changed. */
export interface EndpointChange {
  url?: string;
  events?: string[];
  description?: string | null;
  status?: 'enabled' | 'disabled';
}

/** Changes the person's endpoint and returns it. Whoever enables it or moves it elsewhere gives it a new start. */
export async function updateEndpoint(
  db: Connection,
  ownerId: string,
  id: string,
  { status, ...change }: EndpointChange,
): Promise<WebhookEndpoint | undefined> {
  let query = db.updateTable('webhook_endpoints').where('id', '=', id).where('owner_id', '=', ownerId);
  if (Object.keys(change).length > 0) query = query.set(change);
  if (status !== undefined) query = query.set({ status, ...disabledColumn(status) });
  if (change.url !== undefined || status === 'enabled') query = query.set(newStart);
  const row = await query.set({ owner_id: ownerId }).returning(columns).executeTakeFirst();
  return row && toEndpoint(row);
}

const newStart = { failures: 0, failing_since: null, resting_until: null, called: true, due_at: sql<Date>`now()` };

function disabledColumn(status: 'enabled' | 'disabled') {
  if (status === 'enabled') return { disabled_for: null };
  return { disabled_for: sql<DisabledFor>`coalesce(disabled_for, 'owner')` };
}

/** Disables an endpoint that is enabled and leads there; false where it does not, or is no more. */
export async function disableEndpoint(
  tx: Transaction<Tables>,
  { id, url }: { id: string; url: string },
  reason: DisabledFor,
): Promise<boolean> {
  const query = tx.updateTable('webhook_endpoints').set({ status: 'disabled', disabled_for: reason });
  const enabled = query.where('id', '=', id).where('url', '=', url).where('status', '=', 'enabled');
  return (await enabled.returning('id').executeTakeFirst()) !== undefined;
}

/** Gives up everything that waits for an endpoint that is disabled; it can be replayed. */
export async function giveUpWaiting(db: Connection, endpointId: string): Promise<void> {
  await endWaiting(db, sql`webhook_endpoints.id = ${endpointId}`);
}

/** As `giveUpWaiting` for all that are: a process may have died between disabling one and that. Returns how many there were. */
export async function endWaitingOfDisabled(db: Connection): Promise<bigint> {
  return await endWaiting(db, sql`true`);
}

async function endWaiting(db: Connection, which: ReturnType<typeof sql>): Promise<bigint> {
  return await inPieces(async () => {
    const { numAffectedRows } = await sql`update webhook_deliveries set status = 'failed', next_attempt_at = null
      where id in (
        select waiting.id from webhook_endpoints cross join lateral (
          select id from webhook_deliveries where endpoint_id = webhook_endpoints.id and status = 'pending'
          limit ${pieceRows}
        ) as waiting
        where webhook_endpoints.status = 'disabled' and ${which} limit ${pieceRows})`.execute(db);
    return numAffectedRows;
  });
}

/** Deletes endpoints with their secrets and deliveries: the deliveries first and in pieces, there may be millions. */
export async function deleteEndpoints(db: Connection, ids: readonly string[]): Promise<void> {
  await inPieces(async () => {
    const { numAffectedRows } = await sql`delete from webhook_deliveries where id in (
      select id from webhook_deliveries where endpoint_id = any(${ids}::uuid[]) limit ${pieceRows})`.execute(db);
    return numAffectedRows;
  });
  await sql`delete from webhook_endpoints where id = any(${ids}::uuid[])`.execute(db);
}
