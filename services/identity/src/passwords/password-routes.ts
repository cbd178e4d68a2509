import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf, sessionOf } from '../caller.ts';
import { tokenSchema } from '../one-time-tokens/token-schema.ts';
import type { Resources } from '../resources.ts';
import { emailSchema, newPasswordSchema } from '../users/user-schemas.ts';
import { changePassword } from './change-password.ts';
import { forgotPassword } from './forgot-password.ts';
import { passwordLength } from './password-policy.ts';
import { resetPassword } from './reset-password.ts';

/** Other passwords for those who forgot theirs, and for those who know it. */
export function passwordRoutes(app: Server, resources: Resources): void {
  forgotRoute(app, resources);
  resetRoute(app, resources);
  changeRoute(app, resources);
}

function forgotRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/password/forgot',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'forgotPassword',
        summary: 'Ask for a mail to choose a new password',
        description:
          'Answers the same whether anybody has the email or not. An address gets one such mail a minute and ten a day at most.',
        tags: ['auth'],
        body: body({ email: emailSchema }),
        response: { 202: Type.Object({}), ...problemResponses('validation_failed') },
      },
    },
    async (request, reply) => {
      await forgotPassword(resources, request.body.email);
      return reply.code(202).send({});
    },
  );
}

function resetRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/password/reset',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'resetPassword',
        summary: 'Choose a new password with the token of a mail',
        description:
          'The token is good once, for an hour; one that is not any more is validation_failed at /token. All sessions end.',
        tags: ['auth'],
        body: body({ token: tokenSchema, password: newPasswordSchema }),
        response: { 204: Type.Null(), ...problemResponses('validation_failed', 'upstream_unavailable') },
      },
    },
    async (request, reply) => {
      await resetPassword(resources, { ...request.body, ip: request.ip });
      return reply.code(204).send(null);
    },
  );
}

function changeRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/me/password',
    {
      config: { access: {} },
      schema: {
        operationId: 'changePassword',
        summary: 'Change the password',
        description: 'All other sessions end. A wrong current password counts as a wrong login.',
        tags: ['me'],
        body: body({
          currentPassword: Type.String({ minLength: 1, maxLength: passwordLength.max }),
          newPassword: newPasswordSchema,
        }),
        response: {
          204: Type.Null(),
          ...problemResponses(
            'validation_failed',
            'unauthenticated',
            'invalid_credentials',
            'forbidden',
            'account_locked',
            'upstream_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const { sessionId } = sessionOf(request);
      await changePassword(resources, callerOf(request), { sessionId, ...request.body });
      return reply.code(204).send(null);
    },
  );
}
