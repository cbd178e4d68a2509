import { body, problemResponses, type Server } from '@florin/service';
import Type from 'typebox';
import type { Resources } from '../resources.ts';
import { audiences, issueServiceToken } from './issue-service-token.ts';

const keySchema = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  x: Type.String(),
  kid: Type.String(),
  use: Type.Literal('sig'),
  alg: Type.Literal('EdDSA'),
});

/** Public keys, and tokens for services. */
export function tokenRoutes(app: Server, resources: Resources): void {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { access: 'public' },
      // Every process of the fleet asks every second.
      logLevel: 'warn',
      schema: {
        operationId: 'readKeys',
        summary: 'Public keys that access tokens are signed with',
        tags: ['tokens'],
        response: { 200: Type.Object({ keys: Type.Array(keySchema) }) },
      },
    },
    async (_request, reply) => {
      reply.header('Cache-Control', 'public, max-age=60');
      return { keys: resources.keyRing.publicKeys() };
    },
  );
  app.post(
    '/internal/service-tokens',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'issueServiceToken',
        summary: 'A token with which one service calls another',
        hide: true,
        body: body({
          client: Type.String({ minLength: 1, maxLength: 63 }),
          secret: Type.String({ minLength: 1, maxLength: 1024 }),
          audience: Type.Enum([...audiences]),
        }),
        response: {
          200: Type.Object({ token: Type.String(), expiresIn: Type.Integer() }),
          ...problemResponses('validation_failed', 'invalid_credentials'),
        },
      },
    },
    async ({ body: request }) => issueServiceToken(resources, request),
  );
}
