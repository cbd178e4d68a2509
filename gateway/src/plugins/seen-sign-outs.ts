import type { FastifyInstance } from 'fastify';
import type { RevokedSessions } from '../revoked-sessions.ts';

/** Longer than any access token lives. */
const longestTokenMs = 24 * 3_600_000;

/**
 * A sign-out, or the revocation of an API key, that passes through this gateway counts here before it is answered; the event, which tells all gateways,
 * may take longer on a busy machine. For routes added to `app` afterwards.
 */
export function seenSignOuts(app: FastifyInstance, revoked: RevokedSessions): void {
  app.addHook('onSend', ({ principal, routeOptions, params }, reply, payload, done) => {
    if (reply.statusCode === 204 && principal?.kind === 'user') {
      const ended = endedSession(routeOptions.config.gatewayRoute, params, principal.sessionId);
      if (ended !== undefined) revoked.add([{ session: ended, expiresAt: Date.now() + longestTokenMs }]);
    }
    done(null, payload);
  });
}

function endedSession(
  route: { readonly method: string; readonly path: string } | undefined,
  params: unknown,
  own: string,
): string | undefined {
  switch (route && `${route.method} ${route.path}`) {
    case 'POST /v1/auth/logout':
      return own;
    case 'DELETE /v1/me/sessions/{id}':
    case 'DELETE /v1/api-keys/{id}':
      return (params as { id: string }).id;
    default:
      return undefined;
  }
}
