import { type ProblemError, problem } from '@florin/service';
import { type Context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Outcome } from './batch-decision.ts';
import type { Command, SubmittedAnswer } from './command.ts';
import { countCommand, waitSeconds } from './engine-metrics.ts';

const tracer = trace.getTracer('florin.ledger');

/** A submitted command on its way to an answer. It is answered exactly once. */
export class WaitingCommand {
  readonly command: Command;
  /** Epoch milliseconds; the command is not started after this. */
  readonly deadline: number;
  readonly answer: Promise<SubmittedAnswer>;
  /**
   * Set while it is unknown whether a commit took place: the outcome that holds if it did, and the transactions that
   * then exist.
   */
  pending: { readonly outcome: Outcome; readonly transactionIds: readonly string[] } | undefined;
  readonly #submittedAt: number;
  readonly #span: Span;
  readonly #settle: PromiseWithResolvers<SubmittedAnswer>;

  constructor(command: Command, now: number, deadlineMs: number) {
    this.command = command;
    this.deadline = now + deadlineMs;
    this.#submittedAt = now;
    this.#span = tracer.startSpan('ledger.post', { attributes: { 'ledger.command': command.kind } }, command.context);
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  /** Its span's context when the trace is recorded: the batch's SQL may hang in it. */
  recordedContext(): Context | undefined {
    return this.#span.isRecording() ? trace.setSpan(this.command.context, this.#span) : undefined;
  }

  /** Notes that it leaves the queue as one of `batchSize`. */
  start(now: number, batchSize: number): void {
    waitSeconds.observe((now - this.#submittedAt) / 1000);
    this.#span.setAttribute('batch.size', batchSize);
  }

  /** Gives the caller the outcome. */
  finish(outcome: Outcome): void {
    if (outcome.kind === 'failed') {
      this.#fail('failed', outcome.error);
      return;
    }
    this.#count(outcome.kind);
    this.#span.end();
    this.#settle.resolve(outcome.answer);
  }

  /** Refuses it without having run it, or, where a commit was lost, without knowing: both are a 503, never a 4xx. */
  refuse(cause: unknown): void {
    const { pending } = this;
    if (pending) this.#fail('unknown', unavailable('It is not known yet whether this has happened.', cause));
    else this.#fail('unavailable', unavailable('The ledger is busy; nothing has happened.', cause));
  }

  #fail(outcome: string, error: unknown): void {
    this.#count(outcome);
    this.#span.setAttribute('ledger.outcome', outcome);
    if (outcome !== 'failed') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
    this.#settle.reject(error);
  }

  #count(outcome: string): void {
    countCommand(this.command.kind, outcome);
  }
}

/** The ledger can't take or finish this now. Repeating it with its Idempotency-Key is safe and tells. */
export function unavailable(what: string, cause?: unknown): ProblemError {
  const detail = `${what} Try again with the same Idempotency-Key.`;
  return problem('upstream_unavailable', detail, { retryAfterSeconds: 1, cause });
}
