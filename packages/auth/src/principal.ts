import { parseId, problem } from '@florin/service';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

const roles = ['customer', 'operator', 'auditor', 'admin'] as const;

/** Everything that a customer's login may do; an API key has some of these. */
export const allScopes = [
  'accounts:read',
  'accounts:write',
  'transactions:read',
  'transactions:write',
  'notifications:read',
  'notifications:write',
  'webhooks:manage',
] as const;

/** The names of all roles. */
export const allRoles: readonly Role[] = roles;

/** What a person is to the bank. 'admin' may do whatever any other role may. */
export type Role = (typeof roles)[number];

/** What a token may be used for. */
export type Scope = (typeof allScopes)[number];

/** How a person can prove who he is, as the claim `amr` names it: password, code of a second factor, passkey. */
export const proofMethods = ['pwd', 'otp', 'webauthn'] as const;

/** One of those. */
export type ProofMethod = (typeof proofMethods)[number];

/** A person, or a program acting for one with an API key. */
export interface UserPrincipal {
  kind: 'user';
  /** usr_… */
  id: string;
  /** The same as a uuid, for queries. */
  userId: string;
  /** ses_… of a login; the key_… of an API key. */
  sessionId: string;
  roles: Role[];
  scopes: Scope[];
  /** When the person last proved in this session who he is, in seconds since 1970. An API key has none. */
  provenAt?: number;
  /** How he did then. */
  provenBy?: ProofMethod[];
}

/** Another service of the fleet. */
export interface ServicePrincipal {
  kind: 'service';
  name: string;
}

/** Who calls. */
export type Principal = UserPrincipal | ServicePrincipal;

const userClaims = Compile(
  Type.Object({
    sub: Type.String(),
    sid: Type.String({ pattern: '^(ses|key)_[0-7][0-9a-hjkmnp-tv-z]{25}$' }),
    roles: Type.Array(Type.String(), { maxItems: 16 }),
    scope: Type.String({ maxLength: 1024 }),
    iat: Type.Number(),
    exp: Type.Number(),
    auth_time: Type.Optional(Type.Number()),
    amr: Type.Optional(Type.Array(Type.String(), { maxItems: 8 })),
  }),
);

const serviceClaims = Compile(
  Type.Object({
    sub: Type.String({ pattern: '^service:[a-z][a-z0-9-]{0,62}$' }),
    iat: Type.Number(),
    exp: Type.Number(),
  }),
);

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

function isScope(text: string): text is Scope {
  return (allScopes as readonly string[]).includes(text);
}

function isProofMethod(text: string): text is ProofMethod {
  return (proofMethods as readonly string[]).includes(text);
}

/** The user that verified claims name, or undefined where they don't have the form. Unknown roles and scopes give nothing. */
export function userFromClaims(claims: unknown): UserPrincipal | undefined {
  if (!userClaims.Check(claims)) return undefined;
  const userId = parseId('usr', claims.sub);
  if (userId === undefined) return undefined;
  return {
    kind: 'user',
    id: claims.sub,
    userId,
    sessionId: claims.sid,
    roles: claims.roles.filter(isRole),
    scopes: claims.scope.split(' ').filter(isScope),
    ...(claims.auth_time !== undefined && { provenAt: claims.auth_time }),
    ...(claims.amr !== undefined && { provenBy: claims.amr.filter(isProofMethod) }),
  };
}

/** The service that verified claims name, or undefined where they don't have the form. */
export function serviceFromClaims(claims: unknown): ServicePrincipal | undefined {
  if (!serviceClaims.Check(claims)) return undefined;
  return { kind: 'service', name: claims.sub.slice('service:'.length) };
}

/** Whether a program acts for the user with an API key. */
export function isApiKey(user: UserPrincipal): boolean {
  return user.sessionId.startsWith('key_');
}

/** Whether the user has the role, directly or as admin. */
export function hasRole(user: UserPrincipal, role: Role): boolean {
  return user.roles.includes(role) || user.roles.includes('admin');
}

/** The user who calls. Throws forbidden (403) for a service and unauthenticated (401) on a route without access control. */
export function requireUser(request: FastifyRequest): UserPrincipal {
  if (request.principal === null) throw problem('unauthenticated', 'A valid access token is needed.');
  if (request.principal.kind !== 'user') throw problem('forbidden', 'This call is for users.');
  return request.principal;
}
