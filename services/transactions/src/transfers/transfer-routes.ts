import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import {
  body,
  idempotencyHeader,
  problemResponses,
  requestFingerprint,
  requireIdempotencyKey,
  type Server,
} from '@florin/service';
import { context } from '@opentelemetry/api';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { dryRunTransfer } from './dry-run.ts';
import { postTransfer, type TransferDesk } from './post-transfer.ts';
import { TransferBody, wishOf } from './transfer-body.ts';

const path = '/v1/transfers';

/** The money rules that can refuse a transfer. */
export const transferRefusals = [
  'same_account',
  'account_not_found',
  'currency_mismatch',
  'account_frozen',
  'account_closed',
  'insufficient_funds',
  'limit_exceeded',
] as const;

const DryRunSchema = Type.Object({
  ...TransactionSchema.properties,
  dryRun: Type.Literal(true, { description: 'Nothing was written; the id stands for nothing' }),
});

const schema = {
  operationId: 'createTransfer',
  summary: 'Move money between two accounts',
  description:
    'Posted when answered, or `pending_approval` where the bank wants an operator to approve it. Checked in this order: ' +
    '`from` is the caller’s · two different accounts · the destination exists · currency · status of both · funds · limits. ' +
    'With `dryRun=true` nothing is written: 200 with what would happen now. `Idempotency-Key` is required but for that.',
  tags: ['transfers'],
  headers: idempotencyHeader,
  querystring: body({ dryRun: Type.Optional(Type.Boolean({ description: 'Decide, and write nothing' })) }),
  body: TransferBody,
  response: {
    200: DryRunSchema,
    201: TransactionSchema,
    ...problemResponses(
      'validation_failed',
      'idempotency_key_required',
      'step_up_required',
      'not_found',
      ...transferRefusals,
      'idempotency_key_reused',
      'upstream_unavailable',
    ),
  },
};

/** POST /v1/transfers. */
export function transferRoutes(app: Server, desk: TransferDesk): void {
  app.post(path, { config: { access: { scopes: ['transactions:write'] } }, schema }, async (request, reply) => {
    const caller = requireUser(request);
    const wish = wishOf(request.body);
    const { traceId } = request;
    const sent: FastifyReply = reply;
    if (request.query.dryRun) {
      sent.send(await dryRunTransfer(desk, wish, { caller, path, traceId, context: context.active() }));
      return reply;
    }
    const key = requireIdempotencyKey(request);
    const answer = await postTransfer(desk, wish, {
      caller,
      key,
      fingerprint: requestFingerprint(request),
      path,
      traceId,
    });
    sendIdempotent(sent, answer);
    return reply;
  });
}
