import { type ProblemError, problem } from '@florin/service';

/** One answer for notifications that don't exist and those of others. */
export function notificationNotFound(): ProblemError {
  return problem('not_found', 'There is no such notification.');
}

/** One answer for endpoints that don't exist and those of others. */
export function endpointNotFound(): ProblemError {
  return problem('not_found', 'There is no such webhook endpoint.');
}

/** One answer for deliveries that don't exist and those of others. */
export function deliveryNotFound(): ProblemError {
  return problem('not_found', 'There is no such webhook delivery.');
}

/** Nothing is sent to an endpoint while it is disabled. */
export function endpointDisabled(): ProblemError {
  return problem('conflict', 'The webhook endpoint is disabled: enable it first.');
}

/** The customer has as many endpoints as one may have. */
export function tooManyEndpoints(most: number): ProblemError {
  return problem('conflict', `There are ${most} webhook endpoints already: delete one first.`);
}

/** The caller has been erased while the request was under way. */
export function callerGone(): ProblemError {
  return problem('unauthenticated', 'A valid access token is needed.');
}

/** A field that no schema can check. */
export function invalidField(pointer: string, message: string): ProblemError {
  return problem('validation_failed', 'The request is not valid.', { errors: [{ pointer, message }] });
}
