interface Held<Value> {
  readonly value: Value;
  readonly goodUntil: number;
}

/** A map whose entries end by themselves, with at most `capacity` of them: beyond it the oldest go first. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, Held<Value>>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Keeps the value until then, on the clock of performance.now(). */
  set(key: string, value: Value, goodUntil: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, goodUntil });
    if (this.#entries.size <= this.#capacity) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  get(key: string): Value | undefined {
    const held = this.#entries.get(key);
    if (held === undefined) return undefined;
    if (performance.now() < held.goodUntil) return held.value;
    this.#entries.delete(key);
    return undefined;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
