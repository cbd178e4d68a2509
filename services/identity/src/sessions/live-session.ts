import { parseId, problem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import { isApiKeyLive } from '../api-keys/api-key-queries.ts';
import type { Resources } from '../resources.ts';
import { isSessionLive } from './session-queries.ts';

/**
 * Refuses access tokens of sessions and API keys that have ended, from the moment they ended. Add it after access control, before
 * any route: identity has them at hand and need not wait for an event.
 */
export function requireLiveSession(app: FastifyInstance, { db }: Pick<Resources, 'db'>): void {
  app.addHook('onRequest', async ({ principal }) => {
    if (principal?.kind !== 'user') return;
    const { userId } = principal;
    const sessionId = parseId('ses', principal.sessionId);
    const keyId = parseId('key', principal.sessionId);
    const isLive =
      (sessionId !== undefined && (await isSessionLive(db, userId, sessionId))) ||
      (keyId !== undefined && (await isApiKeyLive(db, userId, keyId)));
    // Word for word what any other bad token is told.
    if (!isLive) throw problem('unauthenticated', 'A valid access token is needed.');
  });
}
