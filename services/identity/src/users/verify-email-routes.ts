import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { tokenSchema } from '../one-time-tokens/token-schema.ts';
import type { Resources } from '../resources.ts';
import { verifyEmail } from './verify-email.ts';

/** Proving that an email address is one's own. */
export function verifyEmailRoutes(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/email/verify',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'verifyEmail',
        summary: 'Confirm the email address with the token of a mail',
        description:
          'Registering sends the mail. The token is good once, for 24 hours; one that is not any more is validation_failed at /token.',
        tags: ['auth'],
        body: body({ token: tokenSchema }),
        response: { 204: Type.Null(), ...problemResponses('validation_failed') },
      },
    },
    async (request, reply) => {
      await verifyEmail(resources, request.body.token);
      return reply.code(204).send(null);
    },
  );
}
