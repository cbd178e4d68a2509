import type { LedgerAccount } from '../engine/command.ts';
import type { NewRow } from '../engine/insertable-tables.ts';
import type { AccountLimits } from '../engine/limits.ts';
import type { FeeRule } from '../transfers/fee.ts';

/** What the bank's settings asked of a transfer when it was wished; undefined where they ask nothing in its currency. */
export interface TransferTerms {
  /** Minor units. */
  readonly approvalThreshold: bigint | undefined;
  readonly fee: FeeRule | undefined;
}

/** What a decision looked at, before it had any effect. */
export interface Considered {
  /** uuid of the transaction. */
  readonly transactionId: string;
  /** The account that gives. */
  readonly account: LedgerAccount;
  /** Those in force for it, with what was used of them. */
  readonly limits?: AccountLimits | undefined;
  readonly terms?: TransferTerms | undefined;
}

/**
 * The record of a decision that posts: a row of `decision_records`, or none where nothing was in force and nothing held.
 *
 * It is written with the decision, in the same statement, so it is there if and only if the decision is. Everything else
 * that was looked at is in the entries already, the balance before them above all: without a limit, a fee rule, a
 * threshold or a hold nothing is written, no parameter is sent, and the batch takes the engine's plain statement. Where
 * one of them is in force the row costs some 100 bytes. Columns instead of JSON: smaller, and SQL can ask for them.
 *
 * Records are as immutable as transactions, but no part of what is sealed: seals prove what happened to the money, and
 * their leaves were hashed without this; the records say why it was allowed to.
 */
export function postingRecord(considered: Considered): NewRow[] {
  const { account, limits, terms } = considered;
  const isPlain = !limits && account.held === 0n && terms?.approvalThreshold === undefined && !terms?.fee;
  return isPlain ? [] : [rowOf('posting', considered)];
}

/**
 * The record of a decision that lets something wait, for an operator or a provider. Always a row: the entries that follow
 * one day tell nothing of this moment. Such a decision writes a hold and a row of its own anyway.
 */
export function requestRecord(considered: Considered): NewRow {
  return rowOf('request', considered);
}

function rowOf(step: 'request' | 'posting', { transactionId, account, limits, terms }: Considered): NewRow {
  const text = (minor: bigint | null | undefined) => minor?.toString();
  const row = {
    transaction_id: transactionId,
    step,
    posted: text(account.posted),
    held: text(account.held),
    limit_per_transaction: text(limits?.perTransaction),
    limit_daily: text(limits?.daily),
    limit_monthly: text(limits?.monthly),
    used_today: text(limits?.usedToday),
    used_this_month: text(limits?.usedThisMonth),
    approval_threshold: text(terms?.approvalThreshold),
    fee_fixed: text(terms?.fee?.fixed),
    fee_millionths: text(terms?.fee?.millionths),
    fee_max: text(terms?.fee?.max),
  };
  return { table: 'decision_records', row };
}
