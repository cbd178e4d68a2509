import { problem } from '@florin/service';
import { hasRole, isApiKey, type Principal, type Role, type Scope } from './principal.ts';
import { requireRecentProof } from './proof.ts';

/**
 * Who may call a route. 'public': anyone, tokens are not looked at. Scopes: a user whose token has all of them. Roles: a
 * user with any of them; admin has every role. `{}`: any user. Services: a service of one of these names, and no user.
 *
 * An API key may do what its scopes name: a route that asks for no scope takes it only with `apiKeys: true`.
 * `provenWithinSeconds`: see `requireRecentProof`.
 */
export type Access =
  | 'public'
  | { scopes?: Scope[]; roles?: Role[]; apiKeys?: boolean; provenWithinSeconds?: number }
  | { services: string[] };

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

/** What an Access asks for, as fields of an OpenAPI operation. */
export interface AccessDescription {
  /** Empty: public. Else the scopes that the bearer token must all have. */
  readonly security: readonly { readonly bearer: readonly string[] }[];
  /** Any of these roles, or admin. Left out: any user. */
  readonly 'x-roles'?: readonly Role[];
  /** Whether a program may call with an API key. */
  readonly 'x-api-keys'?: boolean;
  /** Whether the caller must have proved lately who he is. Left out: no. */
  readonly 'x-step-up'?: boolean;
  /** Not for users: for the services of these names. */
  readonly 'x-services'?: readonly string[];
}

/** What `checkAccess` checks, in words for machines: the same object, so that a document can't say otherwise. */
export function describeAccess(access: Access): AccessDescription {
  if (access === 'public') return { security: [] };
  if ('services' in access) return { security: [{ bearer: [] }], 'x-services': access.services };
  return {
    security: [{ bearer: access.scopes ?? [] }],
    ...(access.roles === undefined ? {} : { 'x-roles': access.roles }),
    'x-api-keys': admitsApiKeys(access) && access.provenWithinSeconds === undefined,
    ...(access.provenWithinSeconds !== undefined && { 'x-step-up': true }),
  };
}

function admitsApiKeys(access: { scopes?: readonly Scope[]; apiKeys?: boolean }): boolean {
  return access.apiKeys === true || (access.scopes?.length ?? 0) > 0;
}

/** Throws forbidden, insufficient_scope or step_up_required (403) unless the caller may use a route with this access. */
export function checkAccess(access: Exclude<Access, 'public'>, principal: Principal): void {
  if ('services' in access) {
    if (principal.kind === 'service' && access.services.includes(principal.name)) return;
    throw problem('forbidden', 'This is not allowed.');
  }
  if (principal.kind !== 'user') throw problem('forbidden', 'This is not allowed.');
  if (isApiKey(principal) && !admitsApiKeys(access)) {
    throw problem('forbidden', 'This is not for API keys: log in.');
  }
  const missing = access.scopes?.filter((scope) => !principal.scopes.includes(scope)) ?? [];
  if (missing.length > 0) throw problem('insufficient_scope', `The token lacks ${missing.join(', ')}.`);
  if (access.roles && !access.roles.some((role) => hasRole(principal, role))) {
    throw problem('forbidden', 'This is not allowed.');
  }
  if (access.provenWithinSeconds !== undefined) requireRecentProof(principal, access.provenWithinSeconds);
}
