import type { RouteAccess } from '../../../../gateway/src/routes.ts';

/** Somebody as the table sees them. */
export interface CallerKind {
  readonly name: string;
  /** Undefined: without a token, or with one that is over. */
  readonly rights?: {
    readonly scopes: readonly string[];
    readonly roles: readonly string[];
    readonly isApiKey: boolean;
  };
  /** What the row is called with belongs to this caller. */
  readonly owns?: boolean;
  /** May see what is others': staff. */
  readonly isStaff?: boolean;
}

/** What an answer is held against. */
export interface Reply {
  readonly status: number;
  readonly code: string | undefined;
}

/** How the table says a caller is refused; undefined for one who may call. Written anew, not taken from packages/auth. */
export function refusalOf(access: RouteAccess, { rights }: CallerKind): Reply | undefined {
  if (access === 'public') return undefined;
  if (!rights) return { status: 401, code: 'unauthenticated' };
  const { scopes = [], roles, apiKeys = false, stepUp = false } = access;
  if (rights.isApiKey && scopes.length === 0 && !apiKeys) return { status: 403, code: 'forbidden' };
  if (scopes.some((scope) => !rights.scopes.includes(scope))) return { status: 403, code: 'insufficient_scope' };
  const isAdmin = rights.roles.includes('admin');
  if (roles && !isAdmin && !roles.some((role) => rights.roles.includes(role)))
    return { status: 403, code: 'forbidden' };
  return stepUp && rights.isApiKey ? { status: 403, code: 'step_up_required' } : undefined;
}

const refusals = new Set(['unauthenticated', 'token_expired', 'forbidden', 'insufficient_scope', 'step_up_required']);

/** What the request of a row was about. */
export interface Circumstances {
  /** It names something of the owner's, which is not there for other customers. */
  readonly namesOwned: boolean;
  /** What somebody without a token got: all that a public route may depend on. */
  readonly nobodys: Reply | undefined;
}

/** What is wrong with the answer that a caller got; undefined when it is what the table says. */
export function faultOf(
  access: RouteAccess,
  caller: CallerKind,
  reply: Reply,
  { namesOwned, nobodys = reply }: Circumstances,
): string | undefined {
  const got = inWords(reply);
  const refusal = refusalOf(access, caller);
  if (refusal) return got === inWords(refusal) ? undefined : `expected ${inWords(refusal)}, got ${got}`;
  if (reply.status >= 500) return `expected an answer, got ${got}`;
  if (access === 'public') {
    return got === inWords(nobodys) ? undefined : `expected what nobody gets, ${inWords(nobodys)}, got ${got}`;
  }
  if (refusals.has(reply.code ?? '')) return `expected to be let in, got ${got}`;
  if (!namesOwned || caller.isStaff) return undefined;
  if (caller.owns) return reply.status === 404 ? `expected the own one to be there, got ${got}` : undefined;
  return got === '404 not_found' ? undefined : `expected 404 not_found for what is another's, got ${got}`;
}

function inWords({ status, code }: Reply): string {
  return code === undefined ? `${status}` : `${status} ${code}`;
}
