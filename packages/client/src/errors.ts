/** The body of every error answer (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  instance?: string;
  traceId?: string;
  errors?: { pointer: string; message: string }[];
}

/** A definite no (4xx): nothing has happened. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly problem: Problem;
  /** Seconds, where the answer names them. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(`${problem.status} ${problem.code}: ${problem.detail ?? problem.title}`);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Fixed by the contract, such as `insufficient_funds`; to be compared with. */
  get code(): string {
    return this.problem.code;
  }
}

/**
 * No definite answer in any attempt (no connection, timeout, 5xx): whether something has happened is open. Sending the
 * same request again with `idempotencyKey` tells.
 */
export class UnknownOutcomeError extends Error {
  override name = 'UnknownOutcomeError';
  readonly idempotencyKey: string | undefined;

  constructor(message: string, idempotencyKey: string | undefined, cause: unknown) {
    super(message, { cause });
    this.idempotencyKey = idempotencyKey;
  }
}
