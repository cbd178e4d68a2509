import { type Database, inTransaction } from '@florin/database';
import { deliveryNotFound, endpointDisabled } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { lockEndpoint } from '../webhook-endpoints/endpoint-queries.ts';
import type { Webhooks } from '../webhooks.ts';
import type { Delivery } from './delivery.ts';
import { callEndpoint, findDelivery, reopenDeliveries } from './delivery-queries.ts';

/**
 * Sends the person's delivery once more, and from the start: now, and for as long as a new one.
 *
 * @throws ProblemError not_found, conflict while its endpoint is disabled
 */
export async function retryDelivery(
  db: Database<Tables>,
  { wake }: Webhooks,
  owner: string,
  id: string,
): Promise<Delivery> {
  const retried = await inTransaction(db, async (tx) => {
    const found = await findDelivery(tx, owner, id);
    // In the order in which they are locked everywhere: the endpoint before its deliveries.
    const endpoint = found && (await lockEndpoint(tx, owner, found.endpointId));
    if (!found || !endpoint) throw deliveryNotFound();
    if (endpoint.status === 'disabled') throw endpointDisabled();
    await reopenDeliveries(tx, { endpoint: endpoint.id, owner }, [found.eventId]);
    await callEndpoint(tx, endpoint.id);
    return await findDelivery(tx, owner, id);
  });
  if (!retried) throw deliveryNotFound();
  wake();
  return retried;
}
