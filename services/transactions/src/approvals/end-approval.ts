import type { UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { newUuid, ProblemError } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { readTransaction } from '../transactions/read-transactions.ts';
import { accountsOf } from '../transfers/transfer-rules.ts';
import { findPending } from './approval-queries.ts';
import { type ApprovalRequest, decideApproval } from './decide-approval.ts';

/** An operator's call. */
export interface ApprovalCall extends Pick<ApprovalRequest, 'outcome' | 'reason' | 'path' | 'traceId'> {
  readonly caller: UserPrincipal;
  readonly fingerprint: Buffer;
  readonly key: string | undefined;
}

/**
 * Brings an operator's word before the ledger; resolves after the commit. The same word again, from whomever, is answered
 * with the transaction as it is.
 * @throws {ProblemError} not_found, forbidden, conflict after another word, …
 */
export async function endApproval(
  { db, engine }: { db: Database<Tables>; engine: PostingEngine },
  id: string | undefined,
  { caller, fingerprint, key, ...call }: ApprovalCall,
): Promise<SubmittedAnswer> {
  const pending = id === undefined ? undefined : await findPending(db, id);
  if (!pending) throw notFound('transaction');
  const request = { ...call, caller, context: context.active() };
  try {
    return await engine.submit({
      id: newUuid(),
      kind: call.outcome === 'approved' ? 'approval' : 'rejection',
      accounts: accountsOf(pending),
      holds: [pending.id],
      limitsOf: [pending.from],
      ...(key !== undefined && { idempotency: { caller: caller.id, key, fingerprint } }),
      context: request.context,
      decide: (state) => decideApproval(state, pending, request),
    });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'conflict') throw error;
    const decided = await findPending(db, pending.id);
    if (decided?.outcome !== call.outcome) throw error;
    const answer = { status: 200, body: JSON.stringify(await readTransaction(db, caller, pending.id)) };
    if (key === undefined) return { ...answer, replayed: false };
    // Kept under its key as any other answer: the transaction may look otherwise when it is asked for again.
    return await engine.submit({
      id: newUuid(),
      kind: 'repeated_decision',
      accounts: [],
      idempotency: { caller: caller.id, key, fingerprint },
      context: request.context,
      decide: () => ({ outcome: 'refused', answer }),
    });
  }
}
