import { requireUser } from '@florin/auth';
import { type Database, sendIdempotent } from '@florin/database';
import { AMOUNT_PATTERN } from '@florin/money';
import {
  body,
  idSchema,
  optionalBody,
  parseId,
  problemResponses,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { descriptionField } from '../transactions/free-fields.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { reverseTransaction } from './reverse-transaction.ts';

const schema = {
  operationId: 'reverseTransaction',
  summary: 'Take a transaction back, all of it or a part',
  description:
    'By the owner of the account that was paid (a refund), or an operator. Several reversals add up to the original at most. Only transfers can be reversed.',
  tags: ['transactions'],
  headers: requiredIdempotencyHeader,
  params: body({ id: idSchema('txn') }),
  body: optionalBody({
    amount: Type.Optional(Type.String({ pattern: AMOUNT_PATTERN, description: 'All that is left unless given' })),
    reason: Type.Optional(descriptionField),
  }),
  response: {
    201: TransactionSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'forbidden',
      'not_found',
      'not_reversible',
      'already_reversed',
      'account_frozen',
      'account_closed',
      'insufficient_funds',
      'limit_exceeded',
      'idempotency_key_reused',
      'upstream_unavailable',
    ),
  },
};

/** POST /v1/transactions/{id}/reverse. */
export function reversalRoutes(app: Server, options: { db: Database<Tables>; engine: PostingEngine }): void {
  const config = { access: { scopes: ['transactions:write' as const] } };
  app.post('/v1/transactions/:id/reverse', { config, schema }, async (request, reply) => {
    const answer = await reverseTransaction(options, parseId('txn', request.params.id), request.body, {
      caller: requireUser(request),
      key: requireIdempotencyKey(request),
      fingerprint: requestFingerprint(request),
      path: `/v1/transactions/${request.params.id}/reverse`,
      traceId: request.traceId,
    });
    // The stored text is sent as it is, not through the response schema.
    const asStored: FastifyReply = reply;
    sendIdempotent(asStored, answer);
    return reply;
  });
}
