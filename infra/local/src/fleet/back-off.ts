/** How long to wait before each restart: the first is immediate, a long good run forgets what was before. */
export class BackOff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #goodRunMs: number;
  #failures = 0;

  constructor({ firstMs = 250, longestMs = 5000, goodRunMs = 10_000 } = {}) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#goodRunMs = goodRunMs;
  }

  /** Milliseconds to wait, after a run of that length has ended. */
  next(ranMs: number): number {
    if (ranMs >= this.#goodRunMs) this.#failures = 0;
    const wait = this.#failures === 0 ? 0 : Math.min(this.#firstMs * 2 ** (this.#failures - 1), this.#longestMs);
    this.#failures += 1;
    return wait;
  }
}
