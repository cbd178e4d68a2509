/** Work that comes again until closed. */
export interface Repeated {
  /** Starts no further run and waits for the one under way. */
  close(): Promise<void>;
}

/** Runs `work` now and then, `pauseMs` after the last run ended. A run that throws is told to `onError`; the next still comes. */
export function repeat(work: () => Promise<unknown>, pauseMs: number, onError: (error: unknown) => void): Repeated {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
    if (!closed) plan();
  }

  function plan(): void {
    timer = setTimeout(() => {
      running = run();
    }, pauseMs);
    timer.unref();
  }

  plan();
  return {
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
