/** A session (`ses_…`) or API key (`key_…`) whose access tokens must be refused; after `expiresAt` (ms since the epoch) none of them is valid anyway. */
export interface RevokedSession {
  readonly session: string;
  readonly expiresAt: number;
}

// Verifiers tolerate clocks that are a little behind; so must the moment of forgetting.
const clockToleranceMs = 60_000;
const fewestBetweenSweeps = 1_000;

/** The sessions and API keys that ended while tokens of theirs are still valid. Only grows by time passing: nothing is un-revoked. */
export class RevokedSessions {
  readonly #expiry = new Map<string, number>();
  #sweepAt = fewestBetweenSweeps;
  #loaded = false;

  /** Whether the whole list has been read once; before that nobody can be let in. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get size(): number {
    return this.#expiry.size;
  }

  has(session: string): boolean {
    return this.#expiry.has(session);
  }

  add(revoked: Iterable<RevokedSession>): void {
    for (const { session, expiresAt } of revoked) {
      this.#expiry.set(session, Math.max(expiresAt, this.#expiry.get(session) ?? 0));
    }
    if (this.#expiry.size >= this.#sweepAt) this.#sweep();
  }

  /** Adds the whole list as identity has it now. */
  load(revoked: Iterable<RevokedSession>): void {
    this.add(revoked);
    this.#loaded = true;
  }

  #sweep(): void {
    const now = Date.now() - clockToleranceMs;
    for (const [session, expiresAt] of this.#expiry) if (expiresAt < now) this.#expiry.delete(session);
    this.#sweepAt = Math.max(fewestBetweenSweeps, this.#expiry.size * 2);
  }
}
