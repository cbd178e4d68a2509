import Type from 'typebox';

/** Every code an answer of Florin can carry. The exhaustive record is the table of docs and code at once. */
const problems = {
  validation_failed: { status: 400, title: 'Validation failed' },
  invalid_cursor: { status: 400, title: 'Invalid cursor' },
  idempotency_key_required: { status: 400, title: 'Idempotency key required' },
  unauthenticated: { status: 401, title: 'Unauthenticated' },
  invalid_credentials: { status: 401, title: 'Invalid credentials' },
  token_expired: { status: 401, title: 'Token expired' },
  mfa_required: { status: 401, title: 'Second factor required' },
  mfa_invalid: { status: 401, title: 'Second factor invalid' },
  forbidden: { status: 403, title: 'Forbidden' },
  insufficient_scope: { status: 403, title: 'Insufficient scope' },
  step_up_required: { status: 403, title: 'Recent authentication required' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  not_acceptable: { status: 406, title: 'Not acceptable' },
  request_timeout: { status: 408, title: 'Request timeout' },
  conflict: { status: 409, title: 'Conflict' },
  email_taken: { status: 409, title: 'Email taken' },
  idempotency_in_progress: { status: 409, title: 'Idempotency key in progress' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  insufficient_funds: { status: 422, title: 'Insufficient funds' },
  account_not_active: { status: 422, title: 'Account not active' },
  account_frozen: { status: 422, title: 'Account frozen' },
  account_closed: { status: 422, title: 'Account closed' },
  account_not_found: { status: 422, title: 'Account not found' },
  currency_mismatch: { status: 422, title: 'Currency mismatch' },
  same_account: { status: 422, title: 'Same account' },
  webhook_url_not_allowed: { status: 422, title: 'Webhook URL not allowed' },
  limit_exceeded: { status: 422, title: 'Limit exceeded' },
  amount_too_small: { status: 422, title: 'Amount too small' },
  hold_not_active: { status: 422, title: 'Hold not active' },
  capture_exceeds_hold: { status: 422, title: 'Capture exceeds hold' },
  already_reversed: { status: 422, title: 'Already reversed' },
  not_reversible: { status: 422, title: 'Not reversible' },
  quote_expired: { status: 422, title: 'Quote expired' },
  account_not_empty: { status: 422, title: 'Account not empty' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused' },
  rate_limited: { status: 429, title: 'Too many requests' },
  account_locked: { status: 429, title: 'Account locked' },
  headers_too_large: { status: 431, title: 'Header fields too large' },
  internal_error: { status: 500, title: 'Internal error' },
  upstream_unavailable: { status: 503, title: 'Service unavailable' },
  upstream_timeout: { status: 504, title: 'Upstream timeout' },
} as const satisfies Record<string, { status: number; title: string }>;

/** The machine-readable reason of a refusal; clients branch on it. */
export type ProblemCode = keyof typeof problems;

/** All codes, for documentation and tests. */
export const problemCodes = Object.keys(problems) as ProblemCode[];

/** HTTP status of a code. */
export function problemStatus(code: ProblemCode): number {
  return problems[code].status;
}

/** Where a body or query is wrong: a JSON pointer ('' is the whole) and why, never the value itself. */
export interface FieldError {
  pointer: string;
  message: string;
}

/** What a problem may say beyond code and detail. */
export interface ProblemExtra {
  /** Only for validation_failed. */
  errors?: FieldError[];
  /** Sent as Retry-After, rounded up to whole seconds. */
  retryAfterSeconds?: number;
  /** Further members of the document (RFC 9457, 3.2), none of them named like one of the others. */
  members?: Readonly<Record<string, unknown>>;
  /** For the log alone; never sent. */
  cause?: unknown;
}

/** A refusal with a public face: `detail` is sent to the client, `cause` is only logged. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly members: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, detail: string, extra: ProblemExtra = {}) {
    super(detail, { cause: extra.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.statusCode = problems[code].status;
    this.detail = detail;
    this.errors = extra.errors;
    this.members = extra.members;
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }
}

/** Makes the error that a handler throws to refuse. */
export function problem(code: ProblemCode, detail: string, extra: ProblemExtra = {}): ProblemError {
  return new ProblemError(code, detail, extra);
}

/** RFC 9457 document as the contract fixes it. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  instance?: string;
  traceId: string;
  errors?: FieldError[];
}

/** The body of a problem. `instance` is the request's path without its query, which may hold private values. */
export function problemBody(
  error: Pick<ProblemError, 'code' | 'detail' | 'errors'> & Partial<Pick<ProblemError, 'members'>>,
  request: { path?: string; traceId: string },
): ProblemBody {
  const { status, title } = problems[error.code];
  return {
    ...error.members,
    type: `https://florin.dev/problems/${error.code.replaceAll('_', '-')}`,
    title,
    status,
    code: error.code,
    detail: error.detail,
    ...(request.path === undefined ? {} : { instance: request.path }),
    traceId: request.traceId,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
  };
}

/** The shared component that the OpenAPI document refers to from every error response. */
export const problemSchema = Type.Object(
  {
    type: Type.String({ description: 'https://florin.dev/problems/ and the code with dashes' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable reason to branch on', enum: problemCodes }),
    detail: Type.String(),
    instance: Type.Optional(Type.String()),
    traceId: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem', description: 'RFC 9457 problem document' },
);

/**
 * Response entries that document a route's problems: `response: { 201: Transfer, ...problemResponses('conflict') }`.
 * The returned type is empty on purpose, so that a handler's answer is checked against the success schemas alone;
 * problems are thrown, never returned.
 */
export function problemResponses(...codes: ProblemCode[]): object {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      { description: names.join(', '), content: { 'application/problem+json': { schema: {} } } },
    ]),
  );
}
