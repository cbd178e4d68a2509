import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import {
  body,
  problemResponses,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import type { TransferDesk } from '../transfers/post-transfer.ts';
import { TransferBody, wishOf } from '../transfers/transfer-body.ts';
import { transferRefusals } from '../transfers/transfer-routes.ts';
import { BatchItemError, batchProblem } from './batch.ts';
import { postBatch } from './post-batch.ts';

const path = '/v1/transfers/batch';
/** Bytes. The gateway's row of this route says the same. */
const bodyLimit = 1024 * 1024;

const schema = {
  operationId: 'createTransferBatch',
  summary: 'Move money many times at once',
  description:
    'One command under one key. `independent`: each transfer is decided in order and sees the effect of those before; ' +
    'a refused one does not touch its neighbours. `atomic`: all or none; the problem is that of the first transfer ' +
    'refused, with its place as `index`.',
  tags: ['transfers'],
  headers: requiredIdempotencyHeader,
  body: body({
    mode: Type.Union([Type.Literal('atomic'), Type.Literal('independent')]),
    transfers: Type.Array(TransferBody, { minItems: 1, maxItems: 1000 }),
  }),
  response: {
    200: Type.Object({
      results: Type.Array(
        Type.Object({
          transaction: Type.Optional(TransactionSchema),
          problem: Type.Optional(Type.Unsafe<object>({ type: 'object', description: 'A problem document' })),
        }),
        { description: 'In the order of `transfers`; each has a `transaction` or a `problem`' },
      ),
    }),
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'step_up_required',
      'not_found',
      'payload_too_large',
      ...transferRefusals,
      'idempotency_key_reused',
      'upstream_unavailable',
    ),
  },
};

/** POST /v1/transfers/batch. */
export function batchRoutes(app: Server, desk: TransferDesk): void {
  app.post(
    path,
    { bodyLimit, config: { access: { scopes: ['transactions:write'] } }, schema },
    async (request, reply) => {
      const { mode, transfers } = request.body;
      const wish = { mode, transfers: transfers.map((transfer, index) => wishOf(transfer, `/transfers/${index}`)) };
      const { traceId } = request;
      const asStored: FastifyReply = reply;
      try {
        const answer = await postBatch(desk, wish, {
          caller: requireUser(request),
          key: requireIdempotencyKey(request),
          fingerprint: requestFingerprint(request),
          path,
          traceId,
        });
        sendIdempotent(asStored, answer);
      } catch (error) {
        if (!(error instanceof BatchItemError)) throw error;
        asStored.code(error.statusCode).type('application/problem+json');
        asStored.send(batchProblem(error, { path, traceId }));
      }
      return reply;
    },
  );
}
