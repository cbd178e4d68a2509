import { sendIdempotent } from '@florin/database';
import {
  body,
  idempotencyHeader,
  idempotencyKey,
  problemResponses,
  requestFingerprint,
  type Server,
} from '@florin/service';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { Resources } from '../resources.ts';
import { registerUser } from './register-user.ts';
import { emailSchema, localeSchema, nameSchema, newPasswordSchema, registeredSchema } from './user-schemas.ts';

/** Registering. */
export function registerRoutes(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/register',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'register',
        summary: 'Register as a customer',
        tags: ['auth'],
        headers: idempotencyHeader,
        body: body({
          email: emailSchema,
          password: newPasswordSchema,
          name: nameSchema,
          locale: Type.Optional(localeSchema),
        }),
        response: {
          201: registeredSchema,
          ...problemResponses('validation_failed', 'email_taken', 'idempotency_key_reused', 'upstream_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const call = { key: idempotencyKey(request), fingerprint: requestFingerprint(request), ip: request.ip };
      // The kept text goes out as it is, not through the serialiser of the schema.
      const asStored: FastifyReply = reply;
      sendIdempotent(asStored, await registerUser(resources, request.body, call));
      return reply;
    },
  );
}
