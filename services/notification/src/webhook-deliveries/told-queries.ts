import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { DeliveryStatus } from './delivery.ts';

/** A delivery without what was answered; ids as UUIDs. */
export interface Told {
  id: string;
  endpointId: string;
  eventId: string;
  type: string;
  status: DeliveryStatus;
  attempts: number;
  lastStatus: number | null;
  createdAt: Date;
  lastAttemptAt: Date | null;
}

const most = 100;

/** What was told of a transaction to one person's endpoints or, without a person, to all; the oldest first. */
export async function listTold(
  db: Database<Tables>,
  transactionId: string,
  ownerId: string | undefined,
): Promise<Told[]> {
  const whose = ownerId === undefined ? sql`true` : sql`event.owner_id = ${ownerId}`;
  const { rows } = await sql<Told>`select delivery.id, endpoint_id as "endpointId", event_id as "eventId", type, status,
      attempts, last_status as "lastStatus", created_at as "createdAt", last_attempt_at as "lastAttemptAt"
    from webhook_events as event
    join webhook_deliveries as delivery on delivery.event_id = event.id and delivery.owner_id = event.owner_id
    where event.transaction_id = ${transactionId} and ${whose}
    order by delivery.id limit ${most}`.execute(db);
  return rows;
}
