import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import {
  body,
  idempotencyHeader,
  idempotencyKey,
  idSchema,
  page,
  pageQuery,
  parseId,
  problemResponses,
  requestFingerprint,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { payeeNotFound } from '../errors.ts';
import { addPayee, type PayeeBook } from './add-payee.ts';
import { payeeNameSchema, payeeSchema, viewPayee } from './payee-view.ts';
import { readPayees } from './read-payees.ts';
import { removePayee } from './remove-payee.ts';

const url = '/v1/payees';
const tags = ['payees'];

/** What the routes work with. */
export interface PayeeRoutesOptions extends PayeeBook {
  /** How long a login or step-up lets its session add payees. */
  stepUpSeconds: number;
}

/** The public routes of payees. */
export function payeeRoutes(app: Server, options: PayeeRoutesOptions): void {
  addRoute(app, options);
  listRoute(app, options);
  removeRoute(app, options);
}

function addRoute(app: Server, { stepUpSeconds, ...book }: PayeeRoutesOptions): void {
  app.post(
    url,
    {
      config: { access: { scopes: ['accounts:write'], provenWithinSeconds: stepUpSeconds } },
      schema: {
        operationId: 'addPayee',
        summary: 'Add somebody to pay to',
        description:
          'An account number of whichever bank, once for each owner. Only a recent login, or one stepped up, can call this, no API key; a replay needs the same.',
        tags,
        headers: idempotencyHeader,
        body: body({
          name: payeeNameSchema,
          accountNumber: Type.String({
            maxLength: 42,
            pattern: '^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]+$',
            description: 'IBAN with valid check digits; blanks and small letters are taken and not kept',
          }),
        }),
        response: {
          201: payeeSchema,
          ...problemResponses(
            ...(['validation_failed', 'conflict', 'limit_exceeded'] as const),
            ...(['idempotency_in_progress', 'idempotency_key_reused'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      const owner = requireUser(request).userId;
      const call = { key: idempotencyKey(request), fingerprint: requestFingerprint(request) };
      // The kept text goes out as it is, not through the serialiser of the schema.
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, await addPayee(book, { owner, ...request.body, ...call }));
      return reply;
    },
  );
}

function listRoute(app: Server, { db }: PayeeRoutesOptions): void {
  app.get(
    url,
    {
      config: { access: { scopes: ['accounts:read'] } },
      schema: {
        operationId: 'listPayees',
        summary: 'List those whom the caller pays to, newest first',
        tags,
        querystring: pageQuery,
        response: { 200: page(payeeSchema), ...problemResponses('validation_failed', 'invalid_cursor') },
      },
    },
    async (request) => {
      const { cursor, limit } = request.query;
      const wanted = { owner: requireUser(request).userId, cursor, limit };
      const { payees, nextCursor } = await readPayees(db, wanted);
      return { data: payees.map(viewPayee), nextCursor };
    },
  );
}

function removeRoute(app: Server, { db }: PayeeRoutesOptions): void {
  app.delete(
    `${url}/:id`,
    {
      config: { access: { scopes: ['accounts:write'] } },
      schema: {
        operationId: 'removePayee',
        summary: 'Remove somebody to pay to',
        tags,
        params: body({ id: idSchema('pye') }),
        response: { 204: Type.Null(), ...problemResponses('not_found') },
      },
    },
    async (request, reply) => {
      const id = parseId('pye', request.params.id);
      if (id === undefined) throw payeeNotFound();
      await removePayee(db, { id, owner: requireUser(request).userId });
      return reply.code(204).send(null);
    },
  );
}
