import { type Problem, ProblemError, UnknownOutcomeError } from './errors.ts';

/** How requests are sent and sent again. */
export interface SendOptions {
  baseUrl: string;
  /** Attempts in all, the first included; default 4. */
  attempts?: number;
  /** Pause before the second attempt in milliseconds, doubled each time; default 200. Retry-After counts if it is longer. */
  pauseMs?: number;
  /** Longest pause in milliseconds: an answer that asks for more is given to the caller; default 30,000. */
  maxPauseMs?: number;
  /** Deadline of one attempt in milliseconds; default 10,000. */
  timeoutMs?: number;
}

/** One request of the API. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: object | undefined;
  body?: unknown;
  idempotencyKey?: string | undefined;
  accessToken?: string | undefined;
}

type Attempt = { kind: 'answer'; body: unknown } | { kind: 'again'; error: Error; waitMs: number; definite: boolean };

/**
 * Sends a request until its outcome is known: again after no connection, a timeout, 5xx, 409 `idempotency_in_progress`
 * and 429, always with the same key, so that it takes effect once.
 *
 * @returns the answer's body; undefined for 204
 * @throws ProblemError for a definite no, UnknownOutcomeError when no attempt brought an answer
 */
export async function send(options: SendOptions, request: ApiRequest): Promise<unknown> {
  const { attempts = 4, pauseMs = 200, maxPauseMs = 30_000 } = options;
  for (let attempt = 1; ; attempt += 1) {
    const result = await tryOnce(options, request);
    if (result.kind === 'answer') return result.body;
    const pause = Math.max(result.waitMs, pauseMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2));
    if (attempt >= attempts || result.waitMs > maxPauseMs) {
      if (result.definite) throw result.error;
      const { method, path, idempotencyKey } = request;
      throw new UnknownOutcomeError(`${method} ${path}: ${result.error.message}`, idempotencyKey, result.error);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, maxPauseMs)));
  }
}

async function tryOnce(options: SendOptions, request: ApiRequest): Promise<Attempt> {
  let reply: Response;
  let text: string;
  try {
    reply = await fetch(addressOf(options.baseUrl, request), {
      method: request.method,
      headers: headersOf(request),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
      redirect: 'error',
    });
    text = await reply.text();
  } catch (error) {
    return { kind: 'again', error: reasonOf(error), waitMs: 0, definite: false };
  }
  if (reply.ok) return { kind: 'answer', body: text === '' ? undefined : JSON.parse(text) };
  const retryAfter = Number(reply.headers.get('retry-after')) || undefined;
  const error = new ProblemError(problemOf(reply, text), retryAfter);
  const waitMs = (retryAfter ?? 0) * 1000;
  if (reply.status >= 500 || error.code === 'idempotency_in_progress') {
    return { kind: 'again', error, waitMs, definite: false };
  }
  // A locked account does not get better by more guesses.
  if (error.code === 'rate_limited') return { kind: 'again', error, waitMs, definite: true };
  throw error;
}

function addressOf(baseUrl: string, { path, query }: ApiRequest): URL {
  const url = new URL(path, baseUrl);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function headersOf({ body, idempotencyKey, accessToken }: ApiRequest): Record<string, string> {
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
  };
}

/** Something between us and the API may answer with a body of its own. */
function problemOf(reply: Response, text: string): Problem {
  const unknown = { type: 'about:blank', title: reply.statusText || 'Error', status: reply.status, code: 'unknown' };
  try {
    const body = JSON.parse(text);
    return typeof body?.code === 'string' ? { ...unknown, ...body } : unknown;
  } catch {
    return unknown;
  }
}

/** fetch hides the reason (no connection, timeout) in the cause. */
function reasonOf(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error ? error.cause : error;
}
