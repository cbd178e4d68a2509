import { requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import { AMOUNT_PATTERN } from '@florin/money';
import {
  body,
  idSchema,
  optionalBody,
  type ProblemCode,
  page,
  pageQuery,
  parseId,
  problemResponses,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
  type Server,
} from '@florin/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { amountOf, notFound } from '../errors.ts';
import { descriptionField } from '../transactions/free-fields.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';
import { accountOrNumber } from '../transfers/transfer-body.ts';
import { captureHold, type HoldAccess, voidHold } from './end-hold.ts';
import { longestHoldSeconds } from './hold-settings.ts';
import { HoldSchema } from './hold-view.ts';
import { type HoldCall, placeHold } from './place-hold.ts';
import { readHold, readHolds } from './read-holds.ts';

/** What the routes of holds need. */
export interface HoldRoutesOptions extends HoldAccess {
  /** How long a hold lasts when its request does not say, in seconds. */
  readonly defaultExpiry: number;
}

const tags = ['holds'];
const writing = { access: { scopes: ['transactions:write' as const] } };
const reading = { access: { scopes: ['transactions:read' as const] } };
const params = body({ id: idSchema('hld') });
const keyed: ProblemCode[] = [
  'validation_failed',
  'idempotency_key_required',
  'not_found',
  'idempotency_key_reused',
  'upstream_unavailable',
];
const moneyRules: ProblemCode[] = [
  'same_account',
  'account_not_found',
  'currency_mismatch',
  'account_frozen',
  'account_closed',
];

/** POST /v1/holds, its capture and void, and reading holds. */
export function holdRoutes(app: Server, options: HoldRoutesOptions): void {
  placingRoute(app, options);
  endingRoutes(app, options);
  readingRoutes(app, options);
}

function placingRoute(app: Server, options: HoldRoutesOptions): void {
  const schema = {
    operationId: 'createHold',
    summary: 'Set money of an account aside',
    description: '`available` drops at once, `posted` does not. Checked in the order of a transfer.',
    tags,
    headers: requiredIdempotencyHeader,
    body: body({
      account: idSchema('acc'),
      amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in `currency`, greater than zero' }),
      currency: Type.String({ minLength: 3, maxLength: 4 }),
      to: Type.Optional(accountOrNumber),
      expiresIn: Type.Optional(
        Type.Integer({ minimum: 1, maximum: longestHoldSeconds, description: 'Seconds until it expires by itself' }),
      ),
      description: Type.Optional(descriptionField),
    }),
    response: {
      201: HoldSchema,
      ...problemResponses(...keyed, ...moneyRules, 'step_up_required', 'insufficient_funds', 'limit_exceeded'),
    },
  };
  app.post('/v1/holds', { config: writing, schema }, async (request, reply) => {
    const { account, to, currency, description = null, expiresIn = options.defaultExpiry } = request.body;
    const accountId = parseId('acc', account);
    if (accountId === undefined) throw notFound('account');
    const wish = { account: accountId, to, amount: amountOf(request.body), currency, description, expiresIn };
    return sendKept(reply, await placeHold(options, wish, callOf(request, '/v1/holds')));
  });
}

function endingRoutes(app: Server, options: HoldRoutesOptions): void {
  const capture = {
    operationId: 'captureHold',
    summary: 'Take held money',
    description:
      'By the owner of the account or of `to`, or an operator. There is one capture; what it leaves is free again.',
    tags,
    headers: requiredIdempotencyHeader,
    params,
    body: optionalBody({
      amount: Type.Optional(Type.String({ pattern: AMOUNT_PATTERN, description: 'All of the hold unless given' })),
      to: Type.Optional(accountOrNumber),
    }),
    response: {
      200: TransactionSchema,
      ...problemResponses(...keyed, ...moneyRules, 'hold_not_active', 'capture_exceeds_hold', 'limit_exceeded'),
    },
  };
  app.post('/v1/holds/:id/capture', { config: writing, schema: capture }, async (request, reply) => {
    const id = parseId('hld', request.params.id);
    const call = callOf(request, `/v1/holds/${request.params.id}/capture`);
    return sendKept(reply, await captureHold(options, id, request.body, call));
  });
  const release = {
    operationId: 'voidHold',
    summary: 'Give a hold up',
    description: 'By the owner of the account or of `to`, or an operator.',
    tags,
    headers: requiredIdempotencyHeader,
    params,
    body: optionalBody({}),
    response: { 200: HoldSchema, ...problemResponses(...keyed, 'hold_not_active') },
  };
  app.post('/v1/holds/:id/void', { config: writing, schema: release }, async (request, reply) => {
    const call = callOf(request, `/v1/holds/${request.params.id}/void`);
    return sendKept(reply, await voidHold(options, parseId('hld', request.params.id), call));
  });
}

function readingRoutes(app: Server, { db }: HoldRoutesOptions): void {
  const one = {
    operationId: 'getHold',
    summary: 'Get a hold',
    tags,
    params,
    response: { 200: HoldSchema, ...problemResponses('validation_failed', 'not_found') },
  };
  app.get('/v1/holds/:id', { config: reading, schema: one }, async (request) =>
    readHold(db, requireUser(request), parseId('hld', request.params.id)),
  );
  const list = {
    operationId: 'listHolds',
    summary: "Holds on the caller's accounts, or for them, newest first",
    tags,
    querystring: body({
      ...pageQuery.properties,
      account: Type.Optional(idSchema('acc')),
      status: Type.Optional(
        Type.Union([Type.Literal('active'), Type.Literal('captured'), Type.Literal('voided'), Type.Literal('expired')]),
      ),
    }),
    response: { 200: page(HoldSchema), ...problemResponses('validation_failed', 'invalid_cursor', 'not_found') },
  };
  app.get('/v1/holds', { config: reading, schema: list }, async (request) =>
    readHolds(db, requireUser(request), request.query),
  );
}

function callOf(request: FastifyRequest, path: string): HoldCall {
  return {
    caller: requireUser(request),
    key: requireIdempotencyKey(request),
    fingerprint: requestFingerprint(request),
    path,
    traceId: request.traceId,
  };
}

/** The stored text is sent as it is, not through the response schema. */
function sendKept(reply: FastifyReply, answer: Parameters<typeof sendIdempotent>[1]): FastifyReply {
  sendIdempotent(reply, answer);
  return reply;
}
