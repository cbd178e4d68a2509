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
import { callerOf, sessionOf } from '../caller.ts';
import { notFound } from '../errors.ts';
import type { Resources } from '../resources.ts';
import { nameSchema } from '../users/user-schemas.ts';
import { addPasskey, removePasskey } from './change-passkeys.ts';
import { mostPasskeys, viewPasskey } from './passkey.ts';
import { registrationOptions } from './passkey-options.ts';
import { listPasskeys } from './passkey-queries.ts';
import { creationOptionsSchema, registrationSchema } from './passkey-schemas.ts';

const url = '/v1/me/passkeys';
const tags = ['me'];
const time = Type.String({ format: 'date-time' });

const passkeySchema = Type.Object({
  id: idSchema('pky'),
  name: nameSchema,
  backedUp: Type.Boolean({ description: 'Whether a copy is kept elsewhere, such as in the cloud of its maker' }),
  createdAt: time,
  lastUsedAt: Type.Union([time, Type.Null()]),
});

/** The caller's passkeys. */
export function passkeyRoutes(app: Server, resources: Resources): void {
  listRoute(app, resources);
  optionsRoute(app, resources);
  addRoute(app, resources);
  removeRoute(app, resources);
}

function listRoute(app: Server, { db }: Resources): void {
  app.get(
    url,
    {
      config: { access: {} },
      schema: {
        operationId: 'listPasskeys',
        summary: 'List the caller’s passkeys, the newest first',
        tags,
        querystring: pageQuery,
        response: { 200: page(passkeySchema), ...problemResponses('invalid_cursor', 'unauthenticated', 'forbidden') },
      },
    },
    async (request) => {
      const { cursor, limit } = request.query;
      const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
      const found = await listPasskeys(db, callerOf(request).userId, { before, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? encodeCursor([last.id]) : null;
      return { data: shown.map(viewPasskey), nextCursor };
    },
  );
}

function optionsRoute(app: Server, resources: Resources): void {
  app.post(
    `${url}/options`,
    {
      config: { access: { provenWithinSeconds: resources.rules.stepUpSeconds } },
      schema: {
        operationId: 'beginPasskey',
        summary: 'Get what a browser needs to make a passkey',
        description:
          'For `PublicKeyCredential.parseCreationOptionsFromJSON()`. Good once, for five minutes, in this session. Needs a recent login or step-up.',
        tags,
        response: {
          200: creationOptionsSchema,
          ...problemResponses('unauthenticated', 'forbidden', 'step_up_required', 'conflict'),
        },
      },
    },
    async (request) => registrationOptions(resources, sessionOf(request)),
  );
}

function addRoute(app: Server, resources: Resources): void {
  app.post(
    url,
    {
      config: { access: {} },
      schema: {
        operationId: 'addPasskey',
        summary: 'Add the passkey that a browser has made',
        description: `Logins with the password alone are answered mfa_required from then on; a passkey alone logs in. The first second factor comes with recovery codes, shown only here and in replays with the same Idempotency-Key. ${mostPasskeys} passkeys at most. The owner is told by mail.`,
        tags,
        headers: idempotencyHeader,
        body: body({ name: nameSchema, credential: registrationSchema }),
        response: {
          201: Type.Object({
            ...passkeySchema.properties,
            recoveryCodes: Type.Optional(Type.Array(Type.String(), { minItems: 10, maxItems: 10 })),
          }),
          ...problemResponses(
            ...(['validation_failed', 'unauthenticated', 'forbidden', 'conflict'] as const),
            ...(['idempotency_in_progress', 'idempotency_key_reused'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      const call = { key: idempotencyKey(request), fingerprint: requestFingerprint(request) };
      const caller = { ...callerOf(request), ...sessionOf(request), ...call };
      // The kept text goes out as it is, not through the serialiser of the schema.
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, await addPasskey(resources, caller, request.body));
      return reply;
    },
  );
}

function removeRoute(app: Server, resources: Resources): void {
  app.delete(
    `${url}/:id`,
    {
      config: { access: { provenWithinSeconds: resources.rules.stepUpSeconds } },
      schema: {
        operationId: 'removePasskey',
        summary: 'Remove one of the caller’s passkeys',
        description:
          'Without any second factor left, the password is enough to log in again. Needs a recent login or step-up. The owner is told by mail.',
        tags,
        params: body({ id: idSchema('pky') }),
        response: {
          204: Type.Null(),
          ...problemResponses('unauthenticated', 'forbidden', 'step_up_required', 'not_found'),
        },
      },
    },
    async (request, reply) => {
      const passkeyId = parseId('pky', request.params.id);
      if (passkeyId === undefined) throw notFound();
      await removePasskey(resources, callerOf(request), passkeyId);
      return reply.code(204).send(null);
    },
  );
}
