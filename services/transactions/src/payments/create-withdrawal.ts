import { newUuid } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { DepositRequest } from './create-deposit.ts';
import { payments } from './payment-metrics.ts';
import { decideWithdrawal, type Withdrawal } from './withdrawal.ts';

/**
 * Holds the money and writes a pending withdrawal, in one transaction. The provider hears of it afterwards, from whoever
 * calls providers: wake them.
 * @throws {ProblemError} not_found when the account is not the caller's, upstream_unavailable
 */
export async function createWithdrawal(
  engine: PostingEngine,
  wish: Omit<Withdrawal, 'id'>,
  { caller, key, fingerprint, path, traceId }: DepositRequest,
): Promise<SubmittedAnswer> {
  const withdrawal = { ...wish, id: newUuid() };
  const trace = context.active();
  const answer = await engine.submit({
    id: withdrawal.id,
    kind: 'withdrawal',
    accounts: [wish.account],
    limitsOf: [wish.account],
    idempotency: { caller: caller.id, key, fingerprint },
    context: trace,
    decide: (state) => decideWithdrawal(state, withdrawal, { caller, path, traceId, context: trace }),
  });
  if (answer.status === 202 && !answer.replayed) {
    payments.inc({ provider: wish.provider, type: 'withdrawal', status: 'pending' });
  }
  return answer;
}
