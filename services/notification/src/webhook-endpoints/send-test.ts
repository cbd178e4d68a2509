import { type Database, type IdempotentAnswer, runIdempotently } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { endpointDisabled, endpointNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { viewDelivery } from '../webhook-deliveries/delivery.ts';
import { callEndpoint, findDelivery } from '../webhook-deliveries/delivery-queries.ts';
import { testType, type WebhookEvent, webhookBody } from '../webhook-events/webhook-event.ts';
import { deliveryId, recordEvents } from '../webhook-events/webhook-event-queries.ts';
import type { KeyedCaller, Webhooks } from '../webhooks.ts';
import { lockEndpoint } from './endpoint-queries.ts';

/**
 * Sends the caller's endpoint, and no other, a webhook that tells of nothing, in the way of all others. Answers with its delivery.
 *
 * @throws ProblemError not_found, conflict while the endpoint is disabled
 */
export async function sendTest(
  db: Database<Tables>,
  { wake }: Webhooks,
  { id: caller, userId: owner, key, fingerprint, path }: KeyedCaller,
  endpointId: string,
): Promise<IdempotentAnswer> {
  const answer = await runIdempotently(db, { caller, key, fingerprint, path }, async (tx) => {
    const endpoint = await lockEndpoint(tx, owner, endpointId);
    if (!endpoint) throw endpointNotFound();
    if (endpoint.status === 'disabled') throw endpointDisabled();
    const [id, occurredAt] = [newUuid(), new Date()];
    const body = webhookBody(testType, occurredAt.toISOString(), { endpoint: formatId('whe', endpointId) });
    const delivery = { endpoint: endpointId, event: id, owner };
    const events: WebhookEvent[] = [{ id, owner, type: testType, transaction: null, occurredAt, body }];
    await recordEvents(tx, { events, endpoints: [{ id: endpointId }], deliveries: [delivery] });
    await callEndpoint(tx, endpointId);
    const made = await findDelivery(tx, owner, deliveryId(delivery));
    if (!made) throw endpointNotFound();
    return { status: 200, body: viewDelivery(made) };
  });
  wake();
  return answer;
}
