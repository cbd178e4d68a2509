import type { SerializedEvent } from '@florin/database';
import { formatAmount, MAX_MINOR_UNITS } from '@florin/money';
import { problem } from '@florin/service';
import type { Context } from '@opentelemetry/api';
import { accountName } from '../accounts/public-id.ts';
import type { TransferTerms } from '../decisions/decision-record.ts';
import type { LedgerAccount, LedgerState, PostedTransaction, Posting } from '../engine/command.ts';
import { available, canGive, canReceive, entriesFor } from '../engine/entries.ts';
import type { Hold } from '../engine/hold.ts';
import type { NewRow } from '../engine/insertable-tables.ts';
import type { LimitUse } from '../engine/limits.ts';
import { Refusal } from '../errors.ts';
import type { TransactionView } from '../transactions/transaction-view.ts';
import { feesAccount } from './fee.ts';

/** A valid wish to move money from one customer's account to another. */
export interface Transfer {
  /** uuid that the transaction will have. */
  readonly id: string;
  /** uuid */
  readonly from: string;
  /** uuid; undefined where the account number belongs to nobody. */
  readonly to: string | undefined;
  /** Minor units, ≥ 1; may exceed what the database holds. */
  readonly amount: bigint;
  /** What it costs `from` on top, minor units; nothing unless given. */
  readonly fee?: bigint;
  /** Whether it has to wait for an operator; not unless said. */
  readonly needsApproval?: boolean;
  /** Whether the caller has to step up first; not unless said. */
  readonly needsStepUp?: boolean;
  /** The settings that fee and approval follow from, for the record. */
  readonly terms?: TransferTerms;
  readonly currency: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** On whose behalf, and how answers about it refer to the request. */
export interface TransferRequest {
  readonly caller: { readonly id: string; readonly userId: string };
  /** Path of the request, for problem bodies. */
  readonly path: string;
  readonly traceId: string;
  readonly context: Context;
}

/** What a transfer does that no rule speaks against: parts of a Decision, and the transaction as the caller may see it. */
export interface TransferEffect {
  readonly transactions: readonly PostedTransaction[];
  readonly holds: readonly Hold[];
  readonly limitUses: readonly LimitUse[];
  readonly rows: readonly NewRow[];
  readonly events: readonly SerializedEvent[];
  readonly view: TransactionView;
}

/** The two accounts of a transfer, both locked. */
export interface Parties {
  readonly from: LedgerAccount;
  readonly to: LedgerAccount;
}

/** The ledger accounts that a transfer touches. */
export function accountsOf({ from, to, fee = 0n, currency }: Transfer): string[] {
  const sides = to === undefined ? [from] : [from, to];
  return fee === 0n ? sides : [...sides, feesAccount(currency).id];
}

/**
 * The accounts of the transfer, if they may take part in it. `owner`: uuid of the customer who gives.
 * @throws {ProblemError} not_found, or a Refusal
 */
export function checkedParties(state: LedgerState, transfer: Transfer, owner: string): Parties {
  const from = state.account(transfer.from);
  if (!from || from.ownerId !== owner) throw problem('not_found', 'There is no such account.');
  if (transfer.to === transfer.from) {
    throw new Refusal('same_account', 'A transfer needs two different accounts.');
  }
  const to = transfer.to === undefined ? undefined : state.account(transfer.to);
  if (!to || to.ownerId === null) {
    throw new Refusal('account_not_found', 'The destination account does not exist.');
  }
  if (from.currency !== transfer.currency) {
    throw new Refusal('currency_mismatch', `Account ${accountName(from)} is kept in ${from.currency}.`);
  }
  if (to.currency !== transfer.currency) {
    throw new Refusal('currency_mismatch', `The destination account is not kept in ${transfer.currency}.`);
  }
  if (from.status !== 'active') throw statusRefusal(from, `Account ${accountName(from)}`);
  if (to.status === 'closed') throw statusRefusal(to, 'The destination account');
  return { from, to };
}

/** The no of an account that is not active. `who` begins the sentence. */
export function statusRefusal(account: LedgerAccount, who: string): Refusal {
  const code = account.status === 'frozen' ? 'account_frozen' : 'account_closed';
  return new Refusal(code, `${who} is ${account.status}.`);
}

/** @throws {Refusal} when `from` lacks the amount and the fee, or `to` could not hold it */
export function checkFunds({ from, to }: Parties, { amount, fee = 0n }: Transfer): void {
  if (!canGive(from, amount + fee)) throw fundsRefusal(from, amount, fee);
  if (amount > MAX_MINOR_UNITS || !canReceive(to, amount)) {
    throw new Refusal('limit_exceeded', 'The destination account cannot hold that much.');
  }
}

/** The no of an account that lacks the amount and the fee on top. */
export function fundsRefusal(account: LedgerAccount, amount: bigint, fee = 0n): Refusal {
  const money = (minor: bigint) => `${formatAmount(minor, account.currency)} ${account.currency}`;
  const needed = fee === 0n ? money(amount) : `${money(amount)} and a fee of ${money(fee)}`;
  const detail = `Account ${accountName(account)} has ${money(available(account))} available; ${needed} needed.`;
  return new Refusal('insufficient_funds', detail);
}

/** Who wished a transfer and when; `traceId` of the request. */
export interface Origin {
  /** `usr_…` */
  readonly initiatedBy: string;
  readonly traceId: string | null;
  readonly createdAt: Date;
  readonly holdId: string | null;
}

/** The transaction that a transfer becomes, posted now. The fee moves in it too, in entries of its own. */
export function transactionOf(
  state: LedgerState,
  transfer: Transfer,
  { from, to }: Parties,
  { initiatedBy, traceId, createdAt, holdId }: Origin,
): PostedTransaction {
  const { id, amount, currency, description, metadata } = transfer;
  return {
    id,
    type: 'transfer',
    amount,
    currency,
    debitAccountId: from.id,
    creditAccountId: to.id,
    description,
    metadata,
    reversalOf: null,
    holdId,
    initiatedBy,
    traceId,
    createdAt,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, postingsOf(transfer, { from, to })),
  };
}

/** In the order in which a transaction's entries are read: by amount. */
function postingsOf({ amount, currency, fee = 0n }: Transfer, { from, to }: Parties): Posting[] {
  const moved = [
    { account: from.id, amount: -amount },
    { account: to.id, amount },
  ];
  if (fee === 0n) return moved;
  const charged = [
    { account: from.id, amount: -fee },
    { account: feesAccount(currency).id, amount: fee },
  ];
  return [...moved, ...charged].sort((a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0));
}
