/** Runs a bounded number of works at a time, in the order they came. */
export interface Turns {
  /**
   * Patience begins at `askedAt`, a moment of performance.now(), which the work is told: now, unless it has waited elsewhere before.
   * @throws what `refuse` makes when too many wait already, or it has waited too long; otherwise whatever the work throws.
   */
  run<Result>(work: (askedAt: number) => Promise<Result>, askedAt?: number): Promise<Result>;
  /** Works running, resting or waiting. */
  size(): number;
}

/** How many works run and wait. */
export interface TurnLimits {
  readonly concurrency: number;
  readonly maxWaiting: number;
  /**
   * Who has waited for so long is refused: the work would be for nobody. Not sooner, even where it can be foreseen: a refusal at
   * once brings on the next attempt at once. No bound unless told.
   */
  readonly patienceMs?: number | undefined;
  /** How long a turn stays unused after a work that took `workedMs`; nobody waits for it but the next in line. */
  restMs?(workedMs: number): number;
}

/** Turns with a bounded queue; `refuse` makes the error for a caller beyond it. */
export function createTurns(limits: TurnLimits, refuse: () => Error): Turns {
  const waiting = new Set<() => void>();
  const { concurrency, maxWaiting, patienceMs = Number.POSITIVE_INFINITY } = limits;
  let running = 0;

  async function enter(askedAt: number): Promise<void> {
    if (running < concurrency) {
      running += 1;
      return;
    }
    const leftMs = patienceMs - (performance.now() - askedAt);
    if (waiting.size >= maxWaiting || leftMs <= 0) throw refuse();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.add(resolve);
    const giveUp = () => {
      if (waiting.delete(resolve)) reject(refuse());
    };
    const timer = Number.isFinite(leftMs) ? setTimeout(giveUp, leftMs) : undefined;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  function leave(): void {
    // The place goes straight to the next in line, so nobody who comes now can overtake it.
    const [next] = waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  return {
    size: () => running + waiting.size,
    async run(work, askedAt = performance.now()) {
      await enter(askedAt);
      const startedAt = performance.now();
      try {
        return await work(askedAt);
      } finally {
        const workedMs = performance.now() - startedAt;
        const rest = limits.restMs?.(workedMs) ?? 0;
        if (rest > 0) setTimeout(leave, rest);
        else leave();
      }
    },
  };
}

/** Turns for any number of names, each with a queue of its own. */
export interface Lines {
  /**
   * Tells the work when it was asked for, so that its patience can go on elsewhere.
   * @throws what `refuse` makes when too many wait under this name already, or it has waited too long; otherwise whatever the work
   *   throws.
   */
  run<Result>(name: string, work: (askedAt: number) => Promise<Result>): Promise<Result>;
}

/** Runs the works of one name one after the other; names don't wait for each other. */
export function createLines(limits: Pick<TurnLimits, 'maxWaiting' | 'patienceMs'>, refuse: () => Error): Lines {
  const lines = new Map<string, Turns>();
  return {
    async run(name, work) {
      const line = lines.get(name) ?? createTurns({ concurrency: 1, ...limits }, refuse);
      lines.set(name, line);
      try {
        return await line.run(work);
      } finally {
        if (line.size() === 0) lines.delete(name);
      }
    },
  };
}
