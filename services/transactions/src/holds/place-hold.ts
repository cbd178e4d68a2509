import type { UserPrincipal } from '@florin/auth';
import { MAX_MINOR_UNITS } from '@florin/money';
import { newUuid, parseId } from '@florin/service';
import { context } from '@opentelemetry/api';
import type { AccountNumberLookup } from '../accounts/account-number-lookup.ts';
import { accountName } from '../accounts/public-id.ts';
import type { Decision, LedgerAccount, LedgerState, SubmittedAnswer } from '../engine/command.ts';
import { canGive } from '../engine/entries.ts';
import { type Hold, withHold } from '../engine/hold.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { notFound, Refusal } from '../errors.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { needsStepUp, stepUpRequired } from '../transfers/step-up.ts';
import { refusedBy, type TransferRequest } from '../transfers/transfer.ts';
import type { TransferPolicy } from '../transfers/transfer-policy.ts';
import { fundsRefusal, statusRefusal } from '../transfers/transfer-rules.ts';
import { holdEvent } from './hold-event.ts';
import { holdView } from './hold-view.ts';

/** A valid wish to set money aside. `account` is a uuid, `to` as the client wrote it. */
export interface HoldWish {
  readonly account: string;
  readonly to: string | undefined;
  /** Minor units of `currency`, ≥ 1; may exceed what the database holds. */
  readonly amount: bigint;
  readonly currency: string;
  readonly description: string | null;
  /** Seconds from now. */
  readonly expiresIn: number;
}

/** Who wishes something of a hold, under which key. */
export interface HoldCall {
  readonly caller: UserPrincipal;
  readonly key: string;
  readonly fingerprint: Buffer;
  readonly path: string;
  readonly traceId: string;
}

/** What placing a hold needs. */
export interface HoldDesk {
  readonly engine: PostingEngine;
  readonly findByNumber: AccountNumberLookup;
  readonly policy: Pick<TransferPolicy, 'stepUp'>;
}

interface Placing extends Omit<HoldWish, 'to'> {
  readonly id: string;
  /** Whether the caller has to step up first; not unless said. */
  readonly needsStepUp?: boolean;
  /** uuid; undefined where the hold names no destination, null where the one it names does not exist. */
  readonly to: string | undefined | null;
}

/** Sets money aside; resolves after the commit. @throws {ProblemError} not_found, upstream_unavailable, … */
export async function placeHold(
  { engine, findByNumber, policy }: HoldDesk,
  { to, ...wish }: HoldWish,
  { caller, key, fingerprint, path, traceId }: HoldCall,
): Promise<SubmittedAnswer> {
  const toId = to === undefined ? undefined : (parseId('acc', to) ?? (await findByNumber(to)) ?? null);
  const placing = { ...wish, id: newUuid(), to: toId, needsStepUp: needsStepUp(policy.stepUp, caller, wish) };
  const request = { caller, path, traceId, context: context.active() };
  return await engine.submit({
    id: placing.id,
    kind: 'hold',
    accounts: typeof toId === 'string' ? [wish.account, toId] : [wish.account],
    limitsOf: [wish.account],
    idempotency: { caller: caller.id, key, fingerprint },
    context: request.context,
    decide: (state) => decideHold(state, placing, request),
  });
}

/** The rules are those of a transfer, in the same order, as far as a hold has to do with them. */
export function decideHold(state: LedgerState, placing: Placing, request: TransferRequest): Decision {
  try {
    if (placing.needsStepUp) throw stepUpRequired();
    const account = checkedAccount(state, placing, request);
    const hold = newHold(state, placing, request);
    const event = holdEvent(hold, withHold(account, undefined, hold), request.context);
    const answer = { status: 201, body: JSON.stringify(holdView(hold)) };
    return { outcome: 'applied', transactions: [], holds: [hold], events: [event], answer };
  } catch (error) {
    return refusedBy(error, request);
  }
}

function checkedAccount(state: LedgerState, placing: Placing, { caller }: TransferRequest): LedgerAccount {
  const account = state.account(placing.account);
  if (!account || account.ownerId !== caller.userId) throw notFound('account');
  const to = destination(state, placing);
  if (account.currency !== placing.currency) {
    throw new Refusal('currency_mismatch', `Account ${accountName(account)} is kept in ${account.currency}.`);
  }
  if (to && to.currency !== placing.currency) {
    throw new Refusal('currency_mismatch', `The destination account is not kept in ${placing.currency}.`);
  }
  if (account.status !== 'active') throw statusRefusal(account, `Account ${accountName(account)}`);
  if (to?.status === 'closed') throw statusRefusal(to, 'The destination account');
  if (placing.amount > MAX_MINOR_UNITS || !canGive(account, placing.amount))
    throw fundsRefusal(account, placing.amount);
  // Looked at here to say no early; what counts is what is captured.
  checkLimits(state, account, placing.amount);
  return account;
}

function destination(state: LedgerState, { account, to }: Placing): LedgerAccount | undefined {
  if (to === undefined) return undefined;
  if (to === account) throw new Refusal('same_account', 'A hold needs a destination other than its own account.');
  const found = to === null ? undefined : state.account(to);
  if (!found || found.ownerId === null) {
    throw new Refusal('account_not_found', 'The destination account does not exist.');
  }
  return found;
}

function newHold(state: LedgerState, placing: Placing, { caller, traceId }: TransferRequest): Hold {
  const { id, account, to, amount, currency, description, expiresIn } = placing;
  return {
    id,
    purpose: 'authorization',
    accountId: account,
    toAccountId: to ?? null,
    amount,
    capturedAmount: 0n,
    currency,
    status: 'active',
    description,
    initiatedBy: caller.id,
    traceId,
    expiresAt: new Date(state.now.getTime() + expiresIn * 1000),
    createdAt: state.now,
    updatedAt: state.now,
  };
}
