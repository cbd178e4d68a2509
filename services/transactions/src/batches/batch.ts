import { ProblemError, problemBody } from '@florin/service';
import type { Decision, LedgerState } from '../engine/command.ts';
import { Refusal } from '../errors.ts';
import { stepUpRequired } from '../transfers/step-up.ts';
import { effectOf, type Transfer, type TransferEffect, type TransferRequest } from '../transfers/transfer.ts';
import { MovingState } from './moving-state.ts';

/** `atomic`: all or none. `independent`: each for itself, in order, seeing the effect of those before. */
export type BatchMode = 'atomic' | 'independent';

/** The no to a batch because of a transfer that is not the caller's to make, or not yet: 404 or 403, kept under no key. */
export class BatchItemError extends ProblemError {
  /** Place of the transfer, from 0. */
  readonly index: number;

  constructor(index: number, cause: ProblemError) {
    super(cause.code, detailOf(index, cause), { cause });
    this.index = index;
  }
}

/**
 * Decides the transfers of a batch as one command: one answer, one write. Whatever a transfer's rules are is
 * `effectOf`'s business. An atomic batch ends at the first transfer that is refused; one that needs an approval could not
 * be posted with the others and is refused too. A transfer for which the caller has to step up refuses the whole batch in
 * either mode, and leaves its key unused: what is missing is missing of the caller.
 */
export function decideBatch(
  state: LedgerState,
  mode: BatchMode,
  transfers: readonly Transfer[],
  request: TransferRequest,
): Decision {
  const first = transfers.findIndex(({ needsStepUp }) => needsStepUp);
  if (first >= 0) return { outcome: 'refused', error: new BatchItemError(first, stepUpRequired()) };
  const moving = new MovingState(state);
  const effects: TransferEffect[] = [];
  const results: unknown[] = [];
  for (const [index, transfer] of transfers.entries()) {
    try {
      const effect = effectOf(moving, transfer, request);
      if (mode === 'atomic' && transfer.needsApproval) {
        throw new Refusal('limit_exceeded', 'The transfer needs an approval, which an atomic batch cannot wait for.');
      }
      moving.take(effect);
      effects.push(effect);
      results.push({ transaction: effect.view });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (mode === 'atomic') return refusedAt(index, error, request);
      results.push({ problem: problemBody(error, request) });
    }
  }
  return {
    outcome: 'applied',
    transactions: effects.flatMap((effect) => effect.transactions),
    holds: effects.flatMap((effect) => effect.holds),
    limitUses: effects.flatMap((effect) => effect.limitUses),
    rows: effects.flatMap((effect) => effect.rows),
    events: effects.flatMap((effect) => effect.events),
    answer: { status: 200, body: JSON.stringify({ results }) },
  };
}

function refusedAt(index: number, error: ProblemError, request: TransferRequest): Decision {
  const item = new BatchItemError(index, error);
  if (!(error instanceof Refusal)) return { outcome: 'refused', error: item };
  return { outcome: 'refused', answer: { status: item.statusCode, body: batchProblem(item, request) } };
}

/** The problem document of an atomic batch, as text, with the place of the transfer as `index`. */
export function batchProblem(error: BatchItemError, request: Pick<TransferRequest, 'path' | 'traceId'>): string {
  return JSON.stringify({ ...problemBody(error, request), index: error.index });
}

function detailOf(index: number, { detail }: ProblemError): string {
  return `Nothing of the batch was posted because of /transfers/${index}: ${detail}`;
}
