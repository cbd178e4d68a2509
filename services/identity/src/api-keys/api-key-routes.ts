import { allScopes, requireUser } from '@florin/auth';
import { sendIdempotent } from '@florin/database';
import {
  body,
  cursorPart,
  decodeCursor,
  encodeCursor,
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
import { callerOf } from '../caller.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { nameSchema } from '../users/user-schemas.ts';
import { viewApiKey } from './api-key.ts';
import { listApiKeys } from './api-key-queries.ts';
import { createApiKey } from './create-api-key.ts';
import { exchangeApiKey } from './exchange-api-key.ts';
import { revokeApiKey } from './revoke-api-keys.ts';

const url = '/v1/api-keys';
const tags = ['api-keys'];
const config = { access: {} };
const scopes = Type.Array(Type.Enum([...allScopes]), { minItems: 1, uniqueItems: true });
const time = Type.String({ format: 'date-time' });

const keySchema = Type.Object({
  id: idSchema('key'),
  name: nameSchema,
  scopes,
  prefix: Type.String({ description: 'The beginning of the secret' }),
  allowedIps: Type.Union([Type.Array(Type.String()), Type.Null()], { description: 'null: any address' }),
  createdAt: time,
  expiresAt: Type.Union([time, Type.Null()], { description: 'null: good until revoked' }),
  lastUsedAt: Type.Union([time, Type.Null()], { description: 'To the minute' }),
});

/** The caller's API keys, and their exchange for access tokens. */
export function apiKeyRoutes(app: Server, resources: Resources): void {
  createRoute(app, resources);
  listRoute(app, resources);
  exchangeRoute(app, resources);
  app.delete(
    `${url}/:id`,
    {
      config,
      schema: {
        operationId: 'revokeApiKey',
        summary: 'Revoke an API key at once and for good',
        tags,
        params: body({ id: idSchema('key') }),
        response: { 204: Type.Null(), ...problemResponses('unauthenticated', 'forbidden', 'not_found') },
      },
    },
    async (request, reply) => {
      const keyId = parseId('key', request.params.id);
      if (keyId === undefined) throw notFound();
      await revokeApiKey(resources, callerOf(request), keyId);
      return reply.code(204).send(null);
    },
  );
}

function createRoute(app: Server, resources: Resources): void {
  app.post(
    url,
    {
      config: { access: { provenWithinSeconds: resources.rules.stepUpSeconds } },
      schema: {
        operationId: 'createApiKey',
        summary: 'Make an API key',
        description:
          'For programs that act for the caller, with the scopes named here alone. The secret is shown only here, and again in replays with the same Idempotency-Key. Only a login can call this, no API key, and a recent one or a step-up.',
        tags,
        headers: idempotencyHeader,
        body: body({
          name: nameSchema,
          scopes,
          expiresAt: Type.Optional(time),
          allowedIps: Type.Optional(
            Type.Array(
              Type.String({ minLength: 2, maxLength: 49, description: 'IPv4 or IPv6, an address or a CIDR' }),
              {
                minItems: 1,
                maxItems: 50,
                uniqueItems: true,
              },
            ),
          ),
        }),
        response: {
          201: Type.Object({ ...keySchema.properties, secret: Type.String({ description: 'flk_…' }) }),
          ...problemResponses(
            ...([
              'validation_failed',
              'unauthenticated',
              'forbidden',
              'insufficient_scope',
              'step_up_required',
            ] as const),
            ...(['idempotency_in_progress', 'idempotency_key_reused'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      const call = { key: idempotencyKey(request), fingerprint: requestFingerprint(request) };
      const caller = { ...callerOf(request), scopes: requireUser(request).scopes, ...call };
      // The kept text goes out as it is, not through the serialiser of the schema.
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, await createApiKey(resources, caller, request.body));
      return reply;
    },
  );
}

function listRoute(app: Server, { db }: Resources): void {
  app.get(
    url,
    {
      config,
      schema: {
        operationId: 'listApiKeys',
        summary: 'List the caller’s API keys that are not revoked, the newest first',
        tags,
        querystring: pageQuery,
        response: { 200: page(keySchema), ...problemResponses('invalid_cursor', 'unauthenticated', 'forbidden') },
      },
    },
    async (request) => {
      const { cursor, limit } = request.query;
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
      const found = await listApiKeys(db, requireUser(request).userId, { before, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? encodeCursor([last.id]) : null;
      return { data: shown.map(viewApiKey), nextCursor };
    },
  );
}

function exchangeRoute(app: Server, resources: Resources): void {
  app.post(
    '/internal/api-keys/exchange',
    {
      config: { access: { services: ['gateway'] } },
      schema: {
        operationId: 'exchangeApiKey',
        summary: 'A short access token for an API key',
        hide: true,
        body: body({
          secret: Type.String({ minLength: 1, maxLength: 128 }),
          ip: Type.String({ minLength: 2, maxLength: 64, description: 'Where the client is' }),
        }),
        response: {
          200: Type.Object({
            token: Type.String(),
            expiresIn: Type.Integer({ minimum: 1, maximum: 60 }),
            key: Type.Object({ id: idSchema('key'), ipBound: Type.Boolean() }),
          }),
          ...problemResponses('validation_failed', 'unauthenticated', 'invalid_credentials', 'forbidden'),
        },
      },
    },
    async (request) => exchangeApiKey(resources, request.body),
  );
}
