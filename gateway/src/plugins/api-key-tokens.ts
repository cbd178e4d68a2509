import { problem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import type { ApiKeys } from '../api-keys/api-keys.ts';

const apiKey = /^Bearer (flk_\S*)$/i;

/**
 * Puts the access token of an API key in the key's place, before tokens are checked: services never see the key. For
 * routes added to `app` afterwards. Add it before access control.
 */
export function apiKeyTokens(app: FastifyInstance, apiKeys: ApiKeys): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const isOpen = request.is404 || request.routeOptions.config.access === 'public';
    const secret = isOpen ? undefined : apiKey.exec(request.headers.authorization ?? '')?.[1];
    if (secret === undefined) {
      done();
      return;
    }
    apiKeys.tokenFor(secret, request.ip).then((token) => {
      if (token !== undefined) request.headers.authorization = `Bearer ${token}`;
      // Word for word what any other bad token is told.
      done(token === undefined ? problem('unauthenticated', 'A valid access token is needed.') : undefined);
    }, done);
  });
}
