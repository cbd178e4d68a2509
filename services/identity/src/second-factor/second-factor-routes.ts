import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf } from '../caller.ts';
import type { Resources } from '../resources.ts';
import { beginSecondFactor, confirmSecondFactor, removeSecondFactor } from './change-second-factor.ts';

const url = '/v1/me/mfa/totp';
const tags = ['me'];
const config = { access: {} };
const otp = Type.String({ minLength: 1, maxLength: 64 });

/** The caller's second factor. */
export function secondFactorRoutes(app: Server, resources: Resources): void {
  app.post(
    url,
    {
      config,
      schema: {
        operationId: 'beginSecondFactor',
        summary: 'Get a secret for an authenticator app',
        description: 'Nothing is asked of logins until a code has confirmed it. Another call before that replaces it.',
        tags,
        response: {
          201: Type.Object({
            secret: Type.String({ description: 'Base32' }),
            otpauthUri: Type.String({ description: 'To show as a QR code' }),
          }),
          ...problemResponses('unauthenticated', 'forbidden', 'conflict'),
        },
      },
    },
    async (request, reply) => reply.code(201).send(await beginSecondFactor(resources, callerOf(request))),
  );
  app.post(
    `${url}/confirm`,
    {
      config,
      schema: {
        operationId: 'confirmSecondFactor',
        summary: 'Turn the second factor on with a code of the app',
        description: 'The recovery codes are shown only here. Each replaces one code of the app, once.',
        tags,
        body: body({ otp }),
        response: {
          200: Type.Object({ recoveryCodes: Type.Array(Type.String(), { minItems: 10, maxItems: 10 }) }),
          ...problemResponses('validation_failed', 'unauthenticated', 'mfa_invalid', 'forbidden', 'conflict'),
        },
      },
    },
    async (request) => ({
      recoveryCodes: await confirmSecondFactor(resources, callerOf(request), request.body.otp),
    }),
  );
  app.delete(
    url,
    {
      config,
      schema: {
        operationId: 'removeSecondFactor',
        summary: 'Turn the second factor off with a code of the app or a recovery code',
        description: 'A wrong code counts as a wrong guess at the account.',
        tags,
        body: body({ otp }),
        response: {
          204: Type.Null(),
          ...problemResponses(
            ...(['validation_failed', 'unauthenticated', 'mfa_invalid', 'forbidden', 'not_found'] as const),
            ...(['account_locked', 'upstream_unavailable'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      await removeSecondFactor(resources, callerOf(request), request.body.otp);
      return reply.code(204).send(null);
    },
  );
}
