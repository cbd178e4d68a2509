import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf, sessionOf } from '../caller.ts';
import { passwordLength } from '../passwords/password-policy.ts';
import type { Resources } from '../resources.ts';
import { emailSchema } from '../users/user-schemas.ts';
import { logIn } from './log-in.ts';
import { refreshSession } from './refresh-session.ts';
import { logOut } from './revoke-session.ts';
import { tokensSchema } from './tokens-schema.ts';

const tags = ['auth'];

/** Logging in and out. */
export function authRoutes(app: Server, resources: Resources): void {
  loginRoute(app, resources);
  refreshRoute(app, resources);
  app.post(
    '/v1/auth/logout',
    {
      config: { access: {} },
      schema: {
        operationId: 'logOut',
        summary: 'End the session of the access token',
        tags,
        response: { 204: Type.Null(), ...problemResponses('unauthenticated') },
      },
    },
    async (request, reply) => {
      await logOut(resources, callerOf(request), sessionOf(request).sessionId);
      return reply.code(204).send(null);
    },
  );
}

function loginRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/login',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'logIn',
        summary: 'Log in with email and password',
        description:
          'Ten wrong passwords or codes in a row lock the email for a while, longer with every further one. mfa_required: send the same again with a code in `otp`, or log in with a passkey; `methods` in the problem names what this user has: `totp`, `passkey`, `recovery_code`.',
        tags,
        body: body({
          email: emailSchema,
          password: Type.String({ minLength: 1, maxLength: passwordLength.max }),
          otp: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 64,
              description: 'A code of the app or a recovery code; looked at only where a second factor is on',
            }),
          ),
        }),
        response: {
          200: tokensSchema,
          ...problemResponses(
            ...(['validation_failed', 'invalid_credentials', 'mfa_required', 'mfa_invalid'] as const),
            ...(['account_locked', 'upstream_unavailable'] as const),
          ),
        },
      },
    },
    async (request) => {
      return await logIn(resources, { ...request.body, userAgent: request.headers['user-agent'], ip: request.ip });
    },
  );
}

function refreshRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/auth/refresh',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'refresh',
        summary: 'Exchange the refresh token for new tokens',
        description:
          'A request whose answer was lost may be repeated once within 10 s. Any other use of a spent token ends the session.',
        tags,
        body: body({ refreshToken: Type.String({ minLength: 1, maxLength: 200 }) }),
        response: { 200: tokensSchema, ...problemResponses('validation_failed', 'unauthenticated') },
      },
    },
    async (request, reply) => {
      // Rounded up: Date.now() drops a fraction, and a request must not seem to have come before an answer it followed.
      const arrivedAt = Date.now() + 1 - reply.elapsedTime;
      return await refreshSession(resources, request.body.refreshToken, { arrivedAt, ip: request.ip });
    },
  );
}
