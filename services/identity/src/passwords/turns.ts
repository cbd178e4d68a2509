/** Runs a bounded number of works at a time, in the order they came. */
export interface Turns {
  /** @throws what `refuse` makes, at once, when too many wait already; otherwise whatever the work throws. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Works running or waiting. */
  size(): number;
}

/** Turns with a bounded queue; `refuse` makes the error for a caller beyond it. */
export function createTurns(limits: { concurrency: number; maxWaiting: number }, refuse: () => Error): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < limits.concurrency) {
      running += 1;
      return;
    }
    if (waiting.length >= limits.maxWaiting) throw refuse();
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
      try {
        return await work();
      } finally {
        leave();
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
