import type { Principal } from './principal.ts';

/** A token that has passed every check, and what the next request with it must look at again. */
export interface VerifiedToken {
  readonly principal: Principal;
  readonly kid: string;
  /** The key in PEM that its signature was checked with. */
  readonly key: string;
  /** Milliseconds since the epoch; later the token is refused. */
  readonly expiresAt: number;
}

/**
 * Remembers at most `capacity` verified tokens, so that signature and claims are checked once per token and not once per
 * request; forgets the oldest first. Tokens that failed are never kept. Entries are shared by requests: they are frozen.
 */
export class VerifiedTokens {
  readonly #tokens = new Map<string, VerifiedToken>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** What was remembered of exactly this `Authorization` header; undefined once the token has expired. */
  find(authorization: string): VerifiedToken | undefined {
    const token = this.#tokens.get(authorization);
    if (token === undefined || token.expiresAt > Date.now()) return token;
    this.#tokens.delete(authorization);
    return undefined;
  }

  add(authorization: string, token: VerifiedToken): void {
    this.#tokens.set(authorization, freeze(token));
    if (this.#tokens.size <= this.#capacity) return;
    const oldest = this.#tokens.keys().next();
    if (!oldest.done) this.#tokens.delete(oldest.value);
  }
}

function freeze(token: VerifiedToken): VerifiedToken {
  const { principal } = token;
  if (principal.kind === 'user') {
    Object.freeze(principal.roles);
    Object.freeze(principal.scopes);
    Object.freeze(principal.provenBy);
  }
  Object.freeze(principal);
  return Object.freeze(token);
}
