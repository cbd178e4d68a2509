import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ProblemBody, type ProblemCode, ProblemError, problem, problemBody, problemStatus } from './problems.ts';
import { traceId } from './request-id.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the problem answered with, for the log line and metrics. */
    problemCode: ProblemCode | undefined;
  }
}

type Raised = Error & { code?: string; statusCode?: number };

const details: Partial<Record<ProblemCode, string>> = {
  validation_failed: 'The request is malformed.',
  unauthenticated: 'A valid access token is needed.',
  forbidden: 'This is not allowed.',
  not_found: 'There is nothing here.',
  request_timeout: 'The request did not arrive in time.',
  conflict: 'The request conflicts with the current state.',
  payload_too_large: 'The body is too large.',
  unsupported_media_type: 'Send the body as application/json, encoded in UTF-8.',
  rate_limited: 'Too many requests; try again later.',
  internal_error: 'Something went wrong on our side. Quote the traceId when you report it.',
  upstream_unavailable: 'A part of the service is not available just now; try again shortly.',
  upstream_timeout: 'A part of the service did not answer in time.',
};

const byFastifyCode: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_HANDLER_TIMEOUT: 'upstream_timeout',
  FST_UNDER_PRESSURE: 'upstream_unavailable',
};

const byStatus: Record<number, ProblemCode> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  406: 'not_acceptable',
  408: 'request_timeout',
  409: 'conflict',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'upstream_unavailable',
  504: 'upstream_timeout',
};

// Sockets that break, and what PostgreSQL says that is shutting down or starting (57P0x), loses connections (08xxx), is out
// of something (53xxx), has trouble with its disk (58xxx), is read-only after a failover (25006), has ended a transaction in
// which we stood still (25P03), or was so slow that it gave a statement up (57014) or a wait for a lock (55P03): the same
// request may well succeed a moment later.
const outage =
  /^(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|57P0[1-5]|57014|55P03|25006|25P03|(08|53|58)\w{3})$/;
const outageMessage =
  /^(timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client (has encountered a connection error|was closed) and is not queryable)/;

function isOutage(error: unknown, depth = 3): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as Raised;
  if (typeof code === 'string' && outage.test(code)) return true;
  if (outageMessage.test(error.message)) return true;
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return depth > 0 && inner.some((one) => isOutage(one, depth - 1));
}

function codeOf(error: Raised): ProblemCode {
  const known = error.code === undefined ? undefined : byFastifyCode[error.code];
  if (known) return known;
  const status = error.statusCode ?? 500;
  const mapped = byStatus[status];
  if (mapped) return mapped;
  return status >= 400 && status < 500 ? 'validation_failed' : 'internal_error';
}

/** The problem that stands for any error; what is inside unexpected ones stays in `cause`, for the log. */
export function toProblem(raised: unknown): ProblemError {
  if (raised instanceof ProblemError) return raised;
  const error = raised instanceof Error ? (raised as Raised) : new Error('a value that is no Error was thrown');
  const code = isOutage(error) ? 'upstream_unavailable' : codeOf(error);
  const retryAfterSeconds = code === 'upstream_unavailable' ? 1 : undefined;
  return problem(code, details[code] ?? 'The request was refused.', {
    cause: error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** The body for an answer to this request. */
export function problemFor(request: FastifyRequest, error: ProblemError): ProblemBody {
  // Requests that the router refuses never pass the onRequest hook that sets the trace id.
  const trace = request.traceId || traceId(request.headers);
  return problemBody(error, { path: request.url.split('?', 1)[0] ?? '/', traceId: trace });
}

/** Answers with the problem that stands for `raised`. Errors of ours (5xx) are logged with everything known. */
export function sendProblem(raised: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toProblem(raised);
  const status = problemStatus(error.code);
  reply.problemCode = error.code;
  const err = error.cause ?? error;
  if (status >= 500) request.log.error({ err, code: error.code, traceId: request.traceId }, 'request failed');
  if (status === 401) reply.header('WWW-Authenticate', 'Bearer');
  if (error.retryAfterSeconds !== undefined) reply.header('Retry-After', String(Math.ceil(error.retryAfterSeconds)));
  return reply
    .code(status)
    .header('Content-Type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problemFor(request, error)));
}
