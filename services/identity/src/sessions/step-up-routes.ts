import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf, sessionOf } from '../caller.ts';
import { stepUpOptions } from '../passkeys/passkey-options.ts';
import { assertionSchema, requestOptionsSchema } from '../passkeys/passkey-schemas.ts';
import { passwordLength } from '../passwords/password-policy.ts';
import type { Resources } from '../resources.ts';
import { stepUp } from './step-up.ts';
import { accessTokenSchema } from './tokens-schema.ts';

const url = '/v1/auth/step-up';
const tags = ['auth'];
const config = { access: {} };

/** Proving again who one is. */
export function stepUpRoutes(app: Server, resources: Resources): void {
  app.post(
    `${url}/options`,
    {
      config,
      schema: {
        operationId: 'beginPasskeyStepUp',
        summary: 'Get what a browser needs to step up with one of the caller’s passkeys',
        description:
          'For `PublicKeyCredential.parseRequestOptionsFromJSON()`. Good once, for five minutes, in this session.',
        tags,
        response: { 200: requestOptionsSchema, ...problemResponses('unauthenticated', 'forbidden') },
      },
    },
    async (request) => stepUpOptions(resources, sessionOf(request)),
  );
  app.post(
    url,
    {
      config,
      schema: {
        operationId: 'stepUp',
        summary: 'Prove again who one is, for what answers step_up_required',
        description:
          'With the password; with `otp`, alone or beside it, where a second factor is on; or with a passkey alone. The answer is a new access token of the same session, whose `auth_time` and `amr` say so; the refresh token stays as it is. A wrong proof counts as a wrong login.',
        tags,
        body: body({
          password: Type.Optional(Type.String({ minLength: 1, maxLength: passwordLength.max })),
          otp: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Or a recovery code' })),
          passkey: Type.Optional(assertionSchema),
        }),
        response: {
          200: accessTokenSchema,
          ...problemResponses(
            ...(['validation_failed', 'unauthenticated', 'invalid_credentials', 'mfa_required'] as const),
            ...(['mfa_invalid', 'forbidden', 'account_locked', 'upstream_unavailable'] as const),
          ),
        },
      },
    },
    async (request) => stepUp(resources, { ...callerOf(request), ...sessionOf(request) }, request.body),
  );
}
