import { requireUser } from '@florin/auth';
import { type Database, sendIdempotent } from '@florin/database';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
  idempotencyHeader,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { endpointNotFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import type { Webhooks } from '../webhooks.ts';
import { changeEndpoint, deleteEndpoint } from './change-endpoint.ts';
import { createEndpoint } from './create-endpoint.ts';
import { findEndpoint, listEndpoints } from './endpoint-queries.ts';
import { changeSchema, config, endpointSchema, newEndpointSchema, orderSchema, tags } from './endpoint-schemas.ts';
import { keyedCaller } from './keyed-caller.ts';
import { viewEndpoint } from './webhook-endpoint.ts';

/** What the routes of webhooks need. */
export interface WebhookRoutesOptions {
  db: Database<Tables>;
  webhooks: Webhooks;
}

const url = '/v1/webhook-endpoints';
const params = body({ id: idSchema('whe') });

/** The caller's endpoints. */
export function endpointRoutes(app: Server, options: WebhookRoutesOptions): void {
  createRoute(app, options);
  readRoutes(app, options);
  changeRoutes(app, options);
}

function createRoute(app: Server, { db, webhooks }: WebhookRoutesOptions): void {
  app.post(
    url,
    {
      config,
      schema: {
        operationId: 'createWebhookEndpoint',
        summary: 'Be told of events by webhooks (Standard Webhooks)',
        description:
          'The secret is shown only here, and again in replays with the same Idempotency-Key. Webhooks are sent at least once, in no certain order, and tried for 72 hours.',
        tags,
        headers: idempotencyHeader,
        body: orderSchema,
        response: {
          201: newEndpointSchema,
          ...problemResponses('validation_failed', 'conflict', 'idempotency_in_progress'),
          ...problemResponses('idempotency_key_reused', 'webhook_url_not_allowed'),
        },
      },
    },
    async (request, reply) => {
      // The kept text goes out as it is, not through the serialiser of the schema.
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, await createEndpoint(db, webhooks, keyedCaller(request), request.body));
      return reply;
    },
  );
}

function readRoutes(app: Server, { db }: WebhookRoutesOptions): void {
  const list = {
    operationId: 'listWebhookEndpoints',
    summary: "List one's webhook endpoints, newest first",
    tags,
    querystring: pageQuery,
    response: { 200: page(endpointSchema), ...problemResponses('validation_failed', 'invalid_cursor') },
  };
  app.get(url, { config, schema: list }, async (request) => {
    const { cursor, limit } = request.query;
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
    // One more than asked for tells whether another page follows.
    const found = await listEndpoints(db, requireUser(request).userId, { before, limit: limit + 1 });
    const last = found.length > limit ? found[limit - 1] : undefined;
    return { data: found.slice(0, limit).map(viewEndpoint), nextCursor: last ? encodeCursor([last.id]) : null };
  });
  const one = {
    operationId: 'getWebhookEndpoint',
    summary: 'Get a webhook endpoint',
    tags,
    params,
    response: { 200: endpointSchema, ...problemResponses('not_found') },
  };
  app.get(`${url}/:id`, { config, schema: one }, async (request) => {
    const found = await findEndpoint(db, requireUser(request).userId, endpointIdOf(request.params));
    if (!found) throw endpointNotFound();
    return viewEndpoint(found);
  });
}

function changeRoutes(app: Server, { db, webhooks }: WebhookRoutesOptions): void {
  const change = {
    operationId: 'changeWebhookEndpoint',
    summary: 'Change, disable or enable a webhook endpoint',
    description:
      'What waits for an endpoint that is disabled is given up; replay it once the endpoint is enabled again.',
    tags,
    params,
    body: changeSchema,
    response: {
      200: endpointSchema,
      ...problemResponses('validation_failed', 'not_found', 'webhook_url_not_allowed'),
    },
  };
  app.patch(`${url}/:id`, { config, schema: change }, async (request) => {
    const which = { owner: requireUser(request).userId, id: endpointIdOf(request.params) };
    return viewEndpoint(await changeEndpoint(db, webhooks, which, request.body));
  });
  const remove = {
    operationId: 'deleteWebhookEndpoint',
    summary: 'Delete a webhook endpoint and its deliveries',
    tags,
    params,
    response: { 204: Type.Null(), ...problemResponses('not_found') },
  };
  app.delete(`${url}/:id`, { config, schema: remove }, async (request, reply) => {
    await deleteEndpoint(db, requireUser(request).userId, endpointIdOf(request.params));
    return reply.code(204).send(null);
  });
}

/** @throws ProblemError not_found */
function endpointIdOf(params: { id: string }): string {
  const id = parseId('whe', params.id);
  if (id === undefined) throw endpointNotFound();
  return id;
}
