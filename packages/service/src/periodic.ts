/** Work that is done again and again. */
export interface Periodic {
  /** Begins no more rounds and resolves when the one under way is done. */
  close(): Promise<void>;
}

/** What is done, how often in milliseconds, and who is told of a round that failed; the next one comes all the same. */
export interface PeriodicOptions {
  readonly everyMs: number;
  work(): Promise<unknown>;
  onError(error: unknown): void;
}

/** Does the work every `everyMs`, the first time after that long. A round that takes longer is not overtaken. */
export function startPeriodic({ everyMs, work, onError }: PeriodicOptions): Periodic {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work()
      .then(() => undefined, onError)
      .finally(() => {
        running = undefined;
      });
  }, everyMs);
  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
