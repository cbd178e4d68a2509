import { setTimeout as delay } from 'node:timers/promises';
import type { Access } from '@florin/auth';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import type { Dependencies } from '../dependencies.ts';
import { refusal, requireApiKey } from './api-key.ts';
import type { ChargeKind, ChargeRequest } from './charge.ts';
import { type Charge, findCharge } from './charge-queries.ts';
import { Accepted, ChargeBody, Found, PayoutBody, ReferenceQuery, Refused } from './charge-schemas.ts';
import { createCharge } from './create-charge.ts';

const created = { 202: Accepted, 401: Refused, 409: Refused, 422: Refused };
const found = { 200: Found, 401: Refused, 404: Refused };

const schemas = {
  createCharge: {
    summary: 'Ask for a payment; what becomes of it comes by webhook',
    operationId: 'createCharge',
    tags: ['charges'],
    body: ChargeBody,
    response: created,
  },
  findCharge: {
    summary: 'What has become of a payment',
    operationId: 'findCharge',
    tags: ['charges'],
    querystring: ReferenceQuery,
    response: found,
  },
  createPayout: {
    summary: 'Pay money out; what becomes of it comes by webhook',
    operationId: 'createPayout',
    tags: ['payouts'],
    body: PayoutBody,
    response: created,
  },
  findPayout: {
    summary: 'What has become of a payout',
    operationId: 'findPayout',
    tags: ['payouts'],
    querystring: ReferenceQuery,
    response: found,
  },
};

// Clients of a provider have its API key, not a token of Florin's.
const access: Access = 'public';

/** POST and GET of /charges and /payouts. */
export function chargeRoutes(dependencies: Dependencies) {
  return async (app: FastifyInstance): Promise<void> => {
    const closing = new AbortController();
    app.addHook('preClose', async () => closing.abort());
    app.addHook('onRequest', requireApiKey(dependencies.apiKey));
    const config = { access };

    app.post<{ Body: Static<typeof ChargeBody> }>(
      '/charges',
      { schema: schemas.createCharge, config },
      async (request, reply) => {
        await accept(dependencies, { ...request.body, kind: 'charge' }, reply, closing.signal);
        return reply;
      },
    );
    app.post<{ Body: Static<typeof PayoutBody> }>(
      '/payouts',
      { schema: schemas.createPayout, config },
      async (request, reply) => {
        const { destination, ...order } = request.body;
        const token = 'token' in destination ? destination.token : destination.iban;
        const source = { type: destination.type, token };
        await accept(dependencies, { ...order, kind: 'payout', source }, reply, closing.signal);
        return reply;
      },
    );
    for (const kind of ['charge', 'payout'] as const) {
      const schema = kind === 'charge' ? schemas.findCharge : schemas.findPayout;
      app.get<{ Querystring: Static<typeof ReferenceQuery> }>(
        `/${kind}s`,
        { schema, config },
        async (request, reply) => {
          const charge = await findCharge(dependencies.db, kind, request.query.reference);
          if (charge) return view(charge);
          return reply.code(404).send(refusal(`${kind}_not_found`, `No ${kind} has this reference.`));
        },
      );
    }
  };
}

const unknownSource: Record<ChargeKind, [string, string]> = {
  charge: ['invalid_source', 'The source token is not known.'],
  payout: ['invalid_destination', 'The destination token is not known.'],
};

async function accept(
  { db, callbacks }: Dependencies,
  request: ChargeRequest,
  reply: FastifyReply,
  closing: AbortSignal,
): Promise<void> {
  const creation = await createCharge(db, request, new Date());
  if (creation.kind === 'unknown_source') {
    reply.code(422).send(refusal(...unknownSource[request.kind]));
  } else if (creation.kind === 'reference_taken') {
    reply.code(409).send(refusal('reference_taken', 'Another payment has this reference.'));
  } else {
    if (creation.kind === 'created') {
      callbacks.wake();
      // A held-back answer must not hold back the end of the process.
      await delay(creation.behaviour.answersAfterMs, undefined, { signal: closing }).catch(() => {});
    }
    reply.code(202).send({ id: creation.id, status: 'pending' });
  }
}

function view(charge: Charge): Static<typeof Found> {
  const { id, reference, amount, currency, status, failure, createdAt } = charge;
  return { id, reference, amount, currency, status, ...(failure && { failure }), createdAt: createdAt.toISOString() };
}
