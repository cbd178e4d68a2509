import { type IdempotentAnswer, sendIdempotent } from '@florin/database';
import { body, idempotencyHeader, idSchema, parseId, problemResponses, type Server } from '@florin/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { endpointNotFound } from '../errors.ts';
import type { WebhookRoutesOptions } from './endpoint-routes.ts';
import { config, deliverySchema, rangeSchema, replaySchema, rotatedSchema, tags } from './endpoint-schemas.ts';
import { keyedCaller } from './keyed-caller.ts';
import { replayEvents } from './replay-events.ts';
import { rotateSecret } from './rotate-secret.ts';
import { sendTest } from './send-test.ts';

const url = '/v1/webhook-endpoints/:id';
const common = { tags, params: body({ id: idSchema('whe') }), headers: idempotencyHeader };
const problems = problemResponses(
  ...(['validation_failed', 'not_found', 'idempotency_in_progress', 'idempotency_key_reused'] as const),
);
const problemsOfEnabled = {
  ...problems,
  ...problemResponses('conflict', 'idempotency_in_progress'),
};

/** What else can be done with an endpoint. */
export function endpointActionRoutes(app: Server, { db, webhooks }: WebhookRoutesOptions): void {
  const rotate = {
    operationId: 'rotateWebhookSecret',
    summary: 'Give a webhook endpoint a new secret',
    description: 'The old secret still signs for 24 hours: the header then holds a signature by each.',
    ...common,
    response: { 200: rotatedSchema, ...problems },
  };
  app.post(`${url}/rotate-secret`, { config, schema: rotate }, async (request, reply) =>
    answer(reply, await rotateSecret(db, webhooks, ...callOf(request))),
  );
  const test = {
    operationId: 'testWebhookEndpoint',
    summary: 'Send a webhook endpoint a webhook of the type webhook.test',
    ...common,
    response: { 200: deliverySchema, ...problemsOfEnabled },
  };
  app.post(`${url}/test`, { config, schema: test }, async (request, reply) =>
    answer(reply, await sendTest(db, webhooks, ...callOf(request))),
  );
  const replay = {
    operationId: 'replayWebhooks',
    summary: 'Send a webhook endpoint again what happened in a time',
    description: 'With their first ids and bytes; events are kept for as long as WEBHOOK_RETENTION_DAYS says.',
    ...common,
    body: rangeSchema,
    response: { 202: replaySchema, ...problemsOfEnabled },
  };
  app.post(`${url}/replay`, { config, schema: replay }, async (request, reply) => {
    const [caller, endpointId] = callOf(request);
    return answer(reply, await replayEvents(db, webhooks, { ...caller, endpointId }, request.body));
  });
}

type Call = FastifyRequest<{ Params: { id: string } }>;

/** @throws ProblemError not_found */
function callOf(request: Call): [ReturnType<typeof keyedCaller>, string] {
  const id = parseId('whe', request.params.id);
  if (id === undefined) throw endpointNotFound();
  return [keyedCaller(request as FastifyRequest), id];
}

/** The kept text goes out as it is, not through the serialiser of the schema. */
function answer<Reply extends object>(reply: Reply, kept: IdempotentAnswer): Reply {
  sendIdempotent(reply as unknown as FastifyReply, kept);
  return reply;
}
