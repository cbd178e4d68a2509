import { body, optionalBody, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import type { Resources } from '../resources.ts';
import { tokensSchema } from '../sessions/tokens-schema.ts';
import { emailSchema } from '../users/user-schemas.ts';
import { logInWithPasskey } from './log-in-with-passkey.ts';
import { loginOptions } from './passkey-options.ts';
import { assertionSchema, requestOptionsSchema } from './passkey-schemas.ts';

const url = '/v1/auth/passkey';
const tags = ['auth'];

/** Logging in with a passkey. */
export function passkeyLoginRoutes(app: Server, resources: Resources): void {
  app.post(
    `${url}/options`,
    {
      config: { access: 'public' },
      schema: {
        operationId: 'beginPasskeyLogin',
        summary: 'Get what a browser needs to use a passkey',
        description:
          'For `PublicKeyCredential.parseRequestOptionsFromJSON()`. Good once, for five minutes. The authenticator offers the passkeys that it has: no email is needed, and one that is sent is not looked at.',
        tags,
        body: optionalBody({ email: Type.Optional(emailSchema) }),
        response: { 200: requestOptionsSchema, ...problemResponses('validation_failed') },
      },
    },
    async () => loginOptions(resources),
  );
  app.post(
    url,
    {
      config: { access: 'public' },
      schema: {
        operationId: 'logInWithPasskey',
        summary: 'Log in with a passkey',
        description:
          'It counts as both factors: no password and no code is asked for. invalid_credentials for whatever a passkey can lack; begin again with new options. Tries count as guesses at the account.',
        tags,
        body: body({ credential: assertionSchema }),
        response: {
          200: tokensSchema,
          ...problemResponses('validation_failed', 'invalid_credentials', 'account_locked', 'upstream_unavailable'),
        },
      },
    },
    async (request) =>
      logInWithPasskey(resources, {
        assertion: request.body.credential,
        userAgent: request.headers['user-agent'],
        ip: request.ip,
      }),
  );
}
