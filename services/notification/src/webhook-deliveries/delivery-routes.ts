import { requireUser } from '@florin/auth';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  type Server,
} from '@florin/service';
import { deliveryNotFound, endpointNotFound } from '../errors.ts';
import { findEndpoint } from '../webhook-endpoints/endpoint-queries.ts';
import type { WebhookRoutesOptions } from '../webhook-endpoints/endpoint-routes.ts';
import { config, deliverySchema, tags } from '../webhook-endpoints/endpoint-schemas.ts';
import { type Delivery, viewDelivery } from './delivery.ts';
import { type DeliveryPage, listDeliveries, listOwnDeliveries } from './delivery-queries.ts';
import { retryDelivery } from './retry-delivery.ts';

/** What was delivered to the caller's endpoints. */
export function deliveryRoutes(app: Server, options: WebhookRoutesOptions): void {
  listRoutes(app, options);
  const { db, webhooks } = options;
  const retry = {
    operationId: 'retryWebhookDelivery',
    summary: 'Send a webhook once more, and from the start',
    tags,
    params: body({ id: idSchema('whd') }),
    response: { 200: deliverySchema, ...problemResponses('not_found', 'conflict') },
  };
  app.post('/v1/webhook-deliveries/:id/retry', { config, schema: retry }, async (request) => {
    const id = parseId('whd', request.params.id);
    if (id === undefined) throw deliveryNotFound();
    return viewDelivery(await retryDelivery(db, webhooks, requireUser(request).userId, id));
  });
}

function listRoutes(app: Server, { db }: WebhookRoutesOptions): void {
  const response = { 200: page(deliverySchema), ...problemResponses('validation_failed', 'invalid_cursor') };
  const list = {
    operationId: 'listWebhookDeliveries',
    summary: 'List what is or was delivered to a webhook endpoint, newest event first',
    tags,
    params: body({ id: idSchema('whe') }),
    querystring: pageQuery,
    response: { ...response, ...problemResponses('not_found') },
  };
  app.get('/v1/webhook-endpoints/:id/deliveries', { config, schema: list }, async (request) => {
    const id = parseId('whe', request.params.id);
    const endpoint = id && (await findEndpoint(db, requireUser(request).userId, id));
    if (!endpoint) throw endpointNotFound();
    return await pageOf(request.query, (place) => listDeliveries(db, endpoint.id, place));
  });
  const own = {
    operationId: 'listOwnWebhookDeliveries',
    summary: "What is or was delivered to all of the caller's endpoints, for the export of a person's data",
    hide: true,
    querystring: pageQuery,
    response,
  };
  app.get('/internal/own-webhook-deliveries', { config, schema: own }, async (request) => {
    const { userId } = requireUser(request);
    return await pageOf(request.query, (place) => listOwnDeliveries(db, userId, place));
  });
}

async function pageOf(
  { cursor, limit }: { cursor?: string; limit: number },
  list: (place: DeliveryPage) => Promise<Delivery[]>,
) {
  const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
  // One more than asked for tells whether another page follows.
  const found = await list({ before, limit: limit + 1 });
  const last = found.length > limit ? found[limit - 1] : undefined;
  return { data: found.slice(0, limit).map(viewDelivery), nextCursor: last ? encodeCursor([last.id]) : null };
}
