import { isRecentlyProven, requireUser, type UserPrincipal } from '@florin/auth';
import { body, idSchema, parseId, problem, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import { callerOf } from '../caller.ts';
import { conflict, notFound } from '../errors.ts';
import { passwordLength } from '../passwords/password-policy.ts';
import type { Resources } from '../resources.ts';
import { carryOutErasure } from './carry-out-erasure.ts';
import { retryMs } from './erasure.ts';
import { type ErasureTicket, requestErasureOf, requestOwnErasure } from './request-erasure.ts';

const passkeyProofSeconds = 300;

const description =
  'All accounts must be closed. Personal data goes, here at once and in the other services a moment later; entries of the ledger and of the audit log stay, under an id that nobody else gets. 503: it could not be found out whether an account is open; the wish stands, and is carried out when that can be.';

/** The end of the relation with a person. */
export function erasureRoutes(app: Server, resources: Resources): void {
  adminRoute(app, resources);
  app.delete(
    '/v1/me',
    {
      config: { access: {} },
      schema: {
        operationId: 'eraseMe',
        summary: 'Leave the bank: have one’s personal data erased for good',
        description,
        tags: ['me'],
        body: body({
          password: Type.String({ minLength: 1, maxLength: passwordLength.max }),
          otp: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 64,
              description:
                'Needed where a second factor is on, unless a passkey has answered (POST /v1/auth/step-up) in the last five minutes',
            }),
          ),
        }),
        response: {
          204: Type.Null(),
          ...problemResponses(
            ...([
              'validation_failed',
              'unauthenticated',
              'invalid_credentials',
              'mfa_required',
              'mfa_invalid',
            ] as const),
            ...(['forbidden', 'conflict', 'account_locked', 'upstream_unavailable'] as const),
          ),
        },
      },
    },
    async (request, reply) => {
      const proof = { ...request.body, hasPasskeyProof: hasPasskeyProof(requireUser(request)) };
      await answer(resources, await requestOwnErasure(resources, callerOf(request), proof));
      return reply.code(204).send(null);
    },
  );
}

function adminRoute(app: Server, resources: Resources): void {
  app.post(
    '/v1/users/:id/erase',
    {
      config: { access: { roles: ['admin'] } },
      schema: {
        operationId: 'eraseUser',
        summary: 'Admin: have a customer’s personal data erased for good',
        description: `${description} Once more changes nothing.`,
        tags: ['users'],
        params: body({ id: idSchema('usr') }),
        response: {
          204: Type.Null(),
          ...problemResponses('unauthenticated', 'forbidden', 'not_found', 'conflict', 'upstream_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const userId = parseId('usr', request.params.id);
      if (userId === undefined) throw notFound();
      const ticket = await requestErasureOf(resources, callerOf(request), userId);
      if (ticket !== undefined) await answer(resources, ticket);
      return reply.code(204).send(null);
    },
  );
}

function hasPasskeyProof(user: UserPrincipal): boolean {
  return isRecentlyProven(user, passkeyProofSeconds) && (user.provenBy ?? []).includes('webauthn');
}

/** Resolves once the person is erased. @throws ProblemError conflict, upstream_unavailable */
async function answer(resources: Resources, ticket: ErasureTicket): Promise<void> {
  const outcome = ticket === 'busy' ? 'later' : await carryOutErasure(resources, ticket);
  if (outcome === 'refused') throw conflict('There are accounts that are not closed. Close them first.');
  if (outcome === 'erased') return;
  const detail = 'Whether all accounts are closed cannot be found out just now. The wish stands; ask again.';
  throw problem('upstream_unavailable', detail, { retryAfterSeconds: retryMs / 1_000 });
}
