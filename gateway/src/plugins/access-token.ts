import { authPlugin, type KeySource } from '@florin/auth';
import { problem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import type { RevokedSessions } from '../revoked-sessions.ts';

export interface AccessTokenOptions {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly revoked: RevokedSessions;
}

/**
 * Checks access tokens before anything is forwarded, on routes added to `app` afterwards: signature and claims, then
 * whether the session still stands. Services check the token again; roles, scopes and ownership are theirs alone.
 */
export function accessTokens(app: FastifyInstance, options: AccessTokenOptions): void {
  authPlugin(app, { keys: options.keys, issuer: options.issuer, serviceName: 'gateway' });
  app.addHook('onRequest', (request, _reply, done) => {
    const { principal } = request;
    const refusal = principal?.kind === 'user' ? refusalOf(options.revoked, principal.sessionId) : undefined;
    // The request is nobody's: it counts for its address, as those of other bad tokens do.
    if (refusal !== undefined) request.principal = null;
    done(refusal);
  });
}

function refusalOf(revoked: RevokedSessions, session: string): Error | undefined {
  if (!revoked.loaded) {
    const extra = { retryAfterSeconds: 1 };
    return problem('upstream_unavailable', 'Tokens cannot be verified just now; try again shortly.', extra);
  }
  // Word for word what any other bad token is told.
  return revoked.has(session) ? problem('unauthenticated', 'A valid access token is needed.') : undefined;
}
