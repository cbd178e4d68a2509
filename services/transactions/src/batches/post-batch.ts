import { newUuid, parseId } from '@florin/service';
import { context } from '@opentelemetry/api';
import { findByNumbers } from '../accounts/account-number-lookup.ts';
import type { SubmittedAnswer } from '../engine/command.ts';
import { type TransferCall, type TransferDesk, transferOf } from '../transfers/post-transfer.ts';
import type { TransferWish } from '../transfers/transfer-body.ts';
import { accountsOf } from '../transfers/transfer-rules.ts';
import { type BatchMode, decideBatch } from './batch.ts';

/** A valid request for several transfers, at least one. */
export interface BatchWish {
  readonly mode: BatchMode;
  readonly transfers: readonly TransferWish[];
}

/**
 * Brings a batch before the ledger as one command; resolves after the commit. Account numbers are looked up together.
 * @throws {BatchItemError} not_found for an atomic batch, step_up_required
 * @throws {ProblemError} upstream_unavailable, …
 */
export async function postBatch(
  { engine, db, policy }: Omit<TransferDesk, 'findByNumber'>,
  { mode, transfers: wishes }: BatchWish,
  { caller, key, fingerprint, path, traceId }: TransferCall,
): Promise<SubmittedAnswer> {
  const ids = new Map(wishes.map(({ to }) => [to, parseId('acc', to)]));
  const numbers = [...ids].flatMap(([to, id]) => (id === undefined ? [to] : []));
  const byNumber = await findByNumbers(db, numbers);
  const transfers = wishes.map((wish) => transferOf(policy, caller, wish, ids.get(wish.to) ?? byNumber.get(wish.to)));
  const trace = context.active();
  return await engine.submit({
    id: newUuid(),
    kind: 'transfer_batch',
    weight: transfers.length,
    accounts: [...new Set(transfers.flatMap(accountsOf))],
    limitsOf: [...new Set(transfers.map(({ from }) => from))],
    idempotency: { caller: caller.id, key, fingerprint },
    context: trace,
    decide: (state) => decideBatch(state, mode, transfers, { caller, path, traceId, context: trace }),
  });
}
