import { type ProblemError, problem } from '@florin/service';

/** One answer for notifications that don't exist and those of others. */
export function notificationNotFound(): ProblemError {
  return problem('not_found', 'There is no such notification.');
}
