import type { UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { AccountNumberLookup } from '../accounts/account-number-lookup.ts';
import type { SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import type { Tables } from '../tables.ts';
import { feeOf } from './fee.ts';
import { needsStepUp } from './step-up.ts';
import { decideTransfer, type Transfer } from './transfer.ts';
import type { TransferWish } from './transfer-body.ts';
import type { TransferPolicy } from './transfer-policy.ts';
import { accountsOf } from './transfer-rules.ts';

/** What bringing transfers before the ledger takes. */
export interface TransferDesk {
  readonly engine: PostingEngine;
  readonly db: Database<Tables>;
  readonly findByNumber: AccountNumberLookup;
  readonly policy: TransferPolicy;
}

/** Who wishes it, under which key. */
export interface TransferCall {
  readonly caller: UserPrincipal;
  readonly key: string;
  readonly fingerprint: Buffer;
  readonly path: string;
  readonly traceId: string;
}

/** Brings a transfer before the ledger; resolves after the commit. @throws {ProblemError} not_found, upstream_unavailable, … */
export async function postTransfer(
  desk: TransferDesk,
  wish: TransferWish,
  { caller, key, fingerprint, path, traceId }: TransferCall,
): Promise<SubmittedAnswer> {
  const transfer = transferOf(desk.policy, caller, wish, await destinationOf(desk, wish));
  const trace = context.active();
  return await desk.engine.submit({
    id: transfer.id,
    kind: 'transfer',
    accounts: accountsOf(transfer),
    limitsOf: [transfer.from],
    idempotency: { caller: caller.id, key, fingerprint },
    context: trace,
    decide: (state) => decideTransfer(state, transfer, { caller, path, traceId, context: trace }),
  });
}

/** The uuid of the account that shall receive; undefined where there is none. */
export async function destinationOf(
  { findByNumber }: Pick<TransferDesk, 'findByNumber'>,
  { to }: Pick<TransferWish, 'to'>,
): Promise<string | undefined> {
  return parseId('acc', to) ?? (await findByNumber(to));
}

/** The transfer that the caller wishes, by the bank's policy; `to` is the uuid of the destination, undefined where there is none. */
export function transferOf(
  policy: TransferPolicy,
  caller: UserPrincipal,
  wish: TransferWish,
  to: string | undefined,
): Transfer {
  const { amount, currency } = wish;
  const threshold = policy.approvalThresholds.get(currency);
  return {
    ...wish,
    id: newUuid(),
    from: parseId('acc', wish.from) ?? nobody,
    to,
    fee: feeOf(policy.fees, amount, currency),
    needsApproval: threshold !== undefined && amount > threshold,
    needsStepUp: needsStepUp(policy.stepUp, caller, wish),
    terms: { approvalThreshold: threshold, fee: policy.fees.get(currency) },
  };
}

/** The id of no account. */
const nobody = '00000000-0000-0000-0000-000000000000';
