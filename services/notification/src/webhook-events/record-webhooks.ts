import type { CloudEvent } from '@florin/contracts';
import type { Database } from '@florin/database';
import { parseId } from '@florin/service';
import type { Tables } from '../tables.ts';
import { isSubscribed, type WebhookDraft, type WebhookEvent, webhookBody, webhookEventId } from './webhook-event.ts';
import { type ListeningEndpoint, listEndpointsOf, recordEvents } from './webhook-event-queries.ts';

/** An event and what it gives to tell. */
export interface Draft {
  readonly event: Pick<CloudEvent, 'id' | 'time'>;
  readonly webhooks: readonly WebhookDraft[];
}

/**
 * Keeps what the owners of endpoints are to be told, and opens a delivery to each endpoint that subscribes to it. Of those
 * without an endpoint nothing is made or written: one look-up for all. Returns whether there is something to deliver.
 *
 * Repeats have no effect: the ids of events and deliveries follow from the event that came.
 *
 * @throws {TypeError} for an event whose id is none
 */
export async function recordWebhooks(db: Database<Tables>, drafts: readonly Draft[]): Promise<boolean> {
  const owners = new Set<string>();
  for (const { webhooks } of drafts) for (const { owner } of webhooks) owners.add(owner);
  if (owners.size === 0) return false;
  const endpoints = await listEndpointsOf(db, uuidsOf(owners));
  if (endpoints.length === 0) return false;
  const byOwner = Map.groupBy(endpoints, ({ owner }) => owner);
  const events = drafts.flatMap((draft) => eventsOf(draft, byOwner));
  if (events.length === 0) return false;
  return (await recordEvents(db, { events, endpoints, deliveries: deliveriesOf(events, byOwner) })) > 0;
}

function uuidsOf(owners: ReadonlySet<string>): string[] {
  return [...owners].map((owner) => parseId('usr', owner)).filter((id) => id !== undefined);
}

type ByOwner = ReadonlyMap<string, readonly ListeningEndpoint[]>;

function eventsOf({ event, webhooks }: Draft, byOwner: ByOwner): WebhookEvent[] {
  const eventId = parseId('evt', event.id);
  if (eventId === undefined) throw new TypeError(`${event.id} is no id of an event`);
  return webhooks.flatMap(({ owner: ownerId, type, isSecond = false, transaction, data }) => {
    const owner = parseId('usr', ownerId) ?? '';
    if (!byOwner.has(owner)) return [];
    const made: WebhookEvent = {
      ...{ id: webhookEventId(eventId, type, isSecond), owner, type },
      transaction: transaction === undefined ? null : (parseId('txn', transaction) ?? null),
      occurredAt: new Date(event.time),
      body: webhookBody(type, event.time, data()),
    };
    return [made];
  });
}

function deliveriesOf(events: readonly WebhookEvent[], byOwner: ByOwner) {
  return events.flatMap((event) => {
    const listening = byOwner.get(event.owner)?.filter(({ events: wanted }) => isSubscribed(wanted, event.type)) ?? [];
    return listening.map(({ id }) => ({ endpoint: id, event: event.id, owner: event.owner }));
  });
}
