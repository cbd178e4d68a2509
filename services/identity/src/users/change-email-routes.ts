import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf, sessionOf } from '../caller.ts';
import { tokenSchema } from '../one-time-tokens/token-schema.ts';
import type { Resources } from '../resources.ts';
import { confirmEmailChange, requestEmailChange } from './change-email.ts';
import { emailSchema } from './user-schemas.ts';

const url = '/v1/me/email';
const tags = ['me'];

/** Another email address. */
export function changeEmailRoutes(app: Server, resources: Resources): void {
  app.post(
    url,
    {
      config: { access: { provenWithinSeconds: resources.rules.stepUpSeconds } },
      schema: {
        operationId: 'requestEmailChange',
        summary: 'Ask for another email address',
        description:
          'Sends a token there and a notice to the present one. Answers the same whether anybody has the address or not. A later request replaces an earlier one; ten a day. Needs a recent login or step-up.',
        tags,
        body: body({ email: emailSchema }),
        response: {
          202: Type.Object({}),
          ...problemResponses(
            ...(['validation_failed', 'unauthenticated', 'forbidden', 'step_up_required', 'rate_limited'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      await requestEmailChange(resources, callerOf(request), request.body.email);
      return reply.code(202).send({});
    },
  );
  app.post(
    `${url}/confirm`,
    {
      config: { access: {} },
      schema: {
        operationId: 'confirmEmailChange',
        summary: 'Change the email address with the token of the mail to the new one',
        description:
          'The token is good once, for an hour, for the user who asked; one that is not, or not any more, is validation_failed at /token. All other sessions end.',
        tags,
        body: body({ token: tokenSchema }),
        response: { 204: Type.Null(), ...problemResponses('validation_failed', 'unauthenticated', 'forbidden') },
      },
    },
    async (request, reply) => {
      await confirmEmailChange(resources, { ...callerOf(request), ...sessionOf(request) }, request.body.token);
      return reply.code(204).send(null);
    },
  );
}
