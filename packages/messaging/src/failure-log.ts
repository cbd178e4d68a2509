import type { Logger } from 'pino';
import { describeFailure } from './retry-policy.ts';

/** Logs what is tried again and again. */
export interface FailureLog {
  /** Warns of the first failure of a series; the further ones are debug lines. */
  report(error: unknown, fields: object, message: string): void;
  /** It worked: the next failure begins a new series. */
  clear(): void;
}

/** A server that is away for an hour is worth one line, not thousands. */
export function createFailureLog(logger: Logger): FailureLog {
  let known = false;
  return {
    report: (error, fields, message) => {
      logger[known ? 'debug' : 'warn']({ ...fields, failure: describeFailure(error) }, message);
      known = true;
    },
    clear: () => {
      known = false;
    },
  };
}
