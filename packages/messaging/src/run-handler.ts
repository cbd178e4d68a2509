import type { Logger } from 'pino';
import { describeFailure } from './retry-policy.ts';

/** Calls a receiver's function; what it throws is logged, since nobody else could do anything about it. */
export async function runHandler(logger: Logger, call: () => void | Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    logger.error({ failure: describeFailure(error) }, 'broadcast handler failed');
  }
}
