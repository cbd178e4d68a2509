import { problem } from '@florin/service';
import { hasRole, isApiKey, type Principal, type Role, type Scope } from './principal.ts';

/**
 * Who may call a route. 'public': anyone, tokens are not looked at. Scopes: a user whose token has all of them. Roles: a
 * user with any of them; admin has every role. `{}`: any user. Services: a service of one of these names, and no user.
 *
 * An API key may do what its scopes name: a route that asks for no scope takes it only with `apiKeys: true`.
 */
export type Access = 'public' | { scopes?: Scope[]; roles?: Role[]; apiKeys?: boolean } | { services: string[] };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call; a route without it does not start. */
    access?: Access;
  }
  interface FastifyRequest {
    /** Who calls; null on public routes. */
    principal: Principal | null;
  }
}

/** Throws forbidden or insufficient_scope (403) unless the caller may use a route with this access. */
export function checkAccess(access: Exclude<Access, 'public'>, principal: Principal): void {
  if ('services' in access) {
    if (principal.kind === 'service' && access.services.includes(principal.name)) return;
    throw problem('forbidden', 'This is not allowed.');
  }
  if (principal.kind !== 'user') throw problem('forbidden', 'This is not allowed.');
  if (isApiKey(principal) && !access.apiKeys && !access.scopes?.length) {
    throw problem('forbidden', 'This is not for API keys: log in.');
  }
  const missing = access.scopes?.filter((scope) => !principal.scopes.includes(scope)) ?? [];
  if (missing.length > 0) throw problem('insufficient_scope', `The token lacks ${missing.join(', ')}.`);
  if (access.roles && !access.roles.some((role) => hasRole(principal, role))) {
    throw problem('forbidden', 'This is not allowed.');
  }
}
