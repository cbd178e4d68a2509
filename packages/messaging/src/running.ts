import { withDeadline } from './deadline.ts';
import type { Closable } from './transport.ts';

/** What a transport has started and not closed yet. */
export interface Running {
  /** Closing what this returns waits 5 s at most for the work under way; what is not done by then is redelivered. */
  track(started: Closable): Closable;
  closeAll(): Promise<void>;
}

const drainMs = 5_000;

/** Keeps what a transport has started, to close it with the transport. */
export function createRunning(): Running {
  const running = new Set<Closable>();
  return {
    track: (started) => {
      let closing: Promise<void> | undefined;
      const tracked = {
        close: () => {
          running.delete(tracked);
          closing ??= withDeadline(started.close(), drainMs, 'Not done in time').catch(() => {});
          return closing;
        },
      };
      running.add(tracked);
      return tracked;
    },
    closeAll: async () => {
      await Promise.all([...running].map((one) => one.close()));
    },
  };
}
