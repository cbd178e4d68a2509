import type { Database } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { AccountNumberLookup } from '../accounts/account-number-lookup.ts';
import type { SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { amountOf, notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import type { TransferPolicy } from '../transfers/transfer-policy.ts';
import { decideCapture, decideVoid } from './hold-end.ts';
import { findHold, type OwnedHold } from './hold-queries.ts';
import type { HoldCall } from './place-hold.ts';

/** What ending a hold needs. */
export interface HoldAccess {
  readonly db: Database<Tables>;
  readonly engine: PostingEngine;
  readonly findByNumber: AccountNumberLookup;
  readonly policy: Pick<TransferPolicy, 'approvalThresholds' | 'stepUp'>;
}

/** What the body of a capture says: all of the hold and its own destination unless it says otherwise. */
export interface CaptureWish {
  readonly amount?: string;
  readonly to?: string;
}

/** Takes held money; resolves after the commit. @throws {ProblemError} not_found, validation_failed, … */
export async function captureHold(
  { db, engine, findByNumber, policy }: HoldAccess,
  holdId: string | undefined,
  { amount, to: wanted }: CaptureWish,
  { caller, key, fingerprint, path, traceId }: HoldCall,
): Promise<SubmittedAnswer> {
  const hold = await knownHold(db, holdId);
  const to = wanted === undefined ? undefined : (parseId('acc', wanted) ?? (await findByNumber(wanted)) ?? null);
  const read = (text: string, currency: string) => amountOf({ amount: text, currency });
  const freeUpTo = policy.approvalThresholds.get(hold.currency);
  const capture = { id: newUuid(), hold: hold.id, amount, read, to, freeUpTo };
  const request = { caller, path, traceId, context: context.active() };
  return await engine.submit({
    id: capture.id,
    kind: 'hold_capture',
    accounts: [...partiesOf(hold), ...(typeof to === 'string' ? [to] : [])],
    holds: [hold.id],
    limitsOf: [hold.accountId],
    idempotency: { caller: caller.id, key, fingerprint },
    context: request.context,
    decide: (state) => decideCapture(state, capture, request),
  });
}

/** Gives a hold up; resolves after the commit. @throws {ProblemError} not_found, upstream_unavailable, … */
export async function voidHold(
  { db, engine }: HoldAccess,
  holdId: string | undefined,
  { caller, key, fingerprint, path, traceId }: HoldCall,
): Promise<SubmittedAnswer> {
  const hold = await knownHold(db, holdId);
  const request = { caller, path, traceId, context: context.active() };
  return await engine.submit({
    id: newUuid(),
    kind: 'hold_void',
    accounts: partiesOf(hold),
    holds: [hold.id],
    idempotency: { caller: caller.id, key, fingerprint },
    context: request.context,
    decide: (state) => decideVoid(state, hold.id, request),
  });
}

/** Its accounts never change, so they may be read ahead of the lock. */
async function knownHold(db: Database<Tables>, id: string | undefined): Promise<OwnedHold> {
  const hold = id === undefined ? undefined : await findHold(db, id);
  if (!hold) throw notFound('hold');
  return hold;
}

function partiesOf({ accountId, toAccountId }: OwnedHold): string[] {
  return toAccountId === null ? [accountId] : [accountId, toAccountId];
}
