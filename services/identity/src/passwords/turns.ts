/** Runs a bounded number of works at a time, in the order they came. */
export interface Turns {
  /** @throws what `refuse` makes, at once, when too many wait already; otherwise whatever the work throws. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Works running, resting or waiting. */
  size(): number;
}

/** How many works run and wait. */
export interface TurnLimits {
  readonly concurrency: number;
  readonly maxWaiting: number;
  /** Who would wait longer, judged by how long the last works took, is refused at once. No bound unless told. */
  readonly patienceMs?: number;
  /** How long a turn stays unused after a work that took `workedMs`; nobody waits for it but the next in line. */
  restMs?(workedMs: number): number;
}

/** Turns with a bounded queue; `refuse` makes the error for a caller beyond it. */
export function createTurns(limits: TurnLimits, refuse: () => Error): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;
  /** A moving average. */
  let workMs = 0;

  async function enter(): Promise<void> {
    if (running < limits.concurrency) {
      running += 1;
      return;
    }
    const waitMs = ((waiting.length + 1) * workMs) / limits.concurrency;
    if (waiting.length >= limits.maxWaiting || waitMs > (limits.patienceMs ?? Number.POSITIVE_INFINITY)) throw refuse();
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    // The place goes straight to the next in line, so nobody who comes now can overtake it.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    size: () => running + waiting.length,
    async run(work) {
      await enter();
      const startedAt = performance.now();
      try {
        return await work();
      } finally {
        const workedMs = performance.now() - startedAt;
        workMs += (workedMs - workMs) / 5;
        const rest = limits.restMs?.(workedMs) ?? 0;
        if (rest > 0) setTimeout(leave, rest);
        else leave();
      }
    },
  };
}

/** Turns for any number of names, each with a queue of its own. */
export interface Lines {
  /** @throws what `refuse` makes, at once, when too many wait under this name already; otherwise whatever the work throws. */
  run<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
}

/** Runs the works of one name one after the other; names don't wait for each other. */
export function createLines(limits: { maxWaiting: number }, refuse: () => Error): Lines {
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
