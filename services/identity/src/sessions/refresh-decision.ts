/** How long after a rotation the token before it may be tried again, in milliseconds. */
export const retryWindowMs = 10_000;

/** What is known of a session when one of its refresh tokens is presented. Times are of the process that handled it. */
export interface SessionState {
  /** Counts the refresh tokens of the session from 1; the token of this generation is the unspent one. */
  generation: number;
  /** When the current generation began. */
  rotatedAt: Date;
  /** When a refresh of the session was last answered with tokens. */
  lastUsedAt: Date;
  /** Whether the one retry of the token before the current one has been used. */
  retried: boolean;
  expiresAt: Date;
  revokedAt: Date | null;
}

/** A genuine refresh token of the session, as it came in. */
export interface Presentation {
  generation: number;
  /** When its request reached the process. Milliseconds since 1970, as `now`, with fractions. */
  arrivedAt: number;
  now: number;
}

/**
 * - `rotate`: a new generation begins.
 * - `retry`: the current token again; this was the one retry.
 * - `parallel`: the current token again; the request came while another like it was still being answered.
 * - `revoke`: a spent token, so someone has a copy: the session ends.
 * - `refuse`: no answer but 401; nothing changes.
 */
export type RefreshDecision = 'rotate' | 'retry' | 'parallel' | 'revoke' | 'refuse';

/**
 * Decides what a refresh token is good for.
 *
 * A client whose answer was lost may repeat its request once within 10 s. Requests that overlap in time count as one:
 * the client cannot have seen any of their answers, so a burst of them is no sign of theft.
 */
export function decideRefresh(session: SessionState, presented: Presentation): RefreshDecision {
  if (session.revokedAt !== null || session.expiresAt.getTime() <= presented.now) return 'refuse';
  if (presented.generation === session.generation) return 'rotate';
  // A database restored to an earlier moment knows less than its clients: theirs is no spent token.
  if (presented.generation > session.generation) return 'refuse';
  if (presented.generation < session.generation - 1) return 'revoke';
  if (presented.arrivedAt > session.rotatedAt.getTime() + retryWindowMs) return 'revoke';
  if (presented.arrivedAt <= session.lastUsedAt.getTime()) return 'parallel';
  return session.retried ? 'revoke' : 'retry';
}
