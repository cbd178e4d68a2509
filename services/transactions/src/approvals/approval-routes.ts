import { requireUser } from '@florin/auth';
import { type Database, sendIdempotent } from '@florin/database';
import {
  body,
  idempotencyHeader,
  idempotencyKey,
  idSchema,
  optionalBody,
  parseId,
  problemResponses,
  requestFingerprint,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { transferRefusals } from '../transfers/transfer-routes.ts';
import { endApproval } from './end-approval.ts';

const actions = [
  {
    name: 'approve',
    outcome: 'approved',
    operationId: 'approveTransaction',
    summary: 'Operator: post a transfer that waits for approval',
    description:
      'All rules of transfers are looked at again; where one says no, the transfer goes on waiting. Nobody approves their own.',
    refusals: transferRefusals,
  },
  {
    name: 'reject',
    outcome: 'rejected',
    operationId: 'rejectTransaction',
    summary: 'Operator: reject a transfer that waits for approval',
    description: 'Its funds are released. The customer reads the reason. Nobody decides on their own.',
    refusals: [],
  },
] as const;

/** The operators' routes on transfers above the approval threshold. */
export function approvalRoutes(app: Server, access: { db: Database<Tables>; engine: PostingEngine }): void {
  for (const { name, outcome, refusals, ...texts } of actions) {
    app.post(
      `/v1/transactions/:id/${name}`,
      {
        config: { access: { roles: ['operator'], scopes: ['transactions:write'] } },
        schema: {
          ...texts,
          tags: ['approvals'],
          headers: idempotencyHeader,
          params: body({ id: idSchema('txn') }),
          body: optionalBody({
            reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'Why, for the record' })),
          }),
          response: {
            200: TransactionSchema,
            ...problemResponses(
              'validation_failed',
              'forbidden',
              'not_found',
              'conflict',
              ...refusals,
              'idempotency_key_reused',
              'upstream_unavailable',
            ),
          },
        },
      },
      async (request, reply) => {
        const answer = await endApproval(access, parseId('txn', request.params.id), {
          caller: requireUser(request),
          key: idempotencyKey(request),
          fingerprint: requestFingerprint(request),
          path: request.url.split('?', 1)[0] ?? '',
          traceId: request.traceId,
          outcome,
          reason: request.body.reason ?? null,
        });
        const sent: FastifyReply = reply;
        sendIdempotent(sent, answer);
        return reply;
      },
    );
  }
}
