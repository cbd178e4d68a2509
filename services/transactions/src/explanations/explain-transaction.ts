import { hasRole, type UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { formatAmount } from '@florin/money';
import { formatId, parseId } from '@florin/service';
import type { Static } from 'typebox';
import { isStaff } from '../accounts/may-read.ts';
import { accountName } from '../accounts/public-id.ts';
import { type FoundQuote, quoteOf } from '../conversions/quote-queries.ts';
import { notFound } from '../errors.ts';
import { findHold } from '../holds/hold-queries.ts';
import { holdView } from '../holds/hold-view.ts';
import type { Tables } from '../tables.ts';
import { readTransaction } from '../transactions/read-transactions.ts';
import type { TransactionView } from '../transactions/transaction-view.ts';
import {
  type Approval,
  type ExplainedEntry,
  explainedEntries,
  findApproval,
  findOrigin,
  findProviderCalls,
  findReversals,
  findSealNumber,
  type ProviderCalls,
} from './explanation-queries.ts';
import type { ExplanationSchema, RuleSchema } from './explanation-schema.ts';

type Explanation = Static<typeof ExplanationSchema>;
type Rule = Static<typeof RuleSchema>;

/**
 * How a transaction came to be, from what is recorded and nothing else. Whoever may read the transaction may read this;
 * what belongs to the other side (its balances, who asked) is left out as it is there.
 * @throws {ProblemError} not_found
 */
export async function explainTransaction(
  db: Database<Tables>,
  user: UserPrincipal,
  id: string | undefined,
): Promise<Explanation> {
  const transaction = await readTransaction(db, user, id);
  const origin = id === undefined ? undefined : await findOrigin(db, id);
  if (id === undefined || !origin) throw notFound('transaction');
  const entries = await explainedEntries(db, id);
  const visible = entries.filter((entry) => isStaff(user) || entry.ownerId === user.userId);
  const asked = isStaff(user) || origin.initiatedBy === user.id;
  const quote = await quoteOf(db, id);
  const approval = await findApproval(db, id);
  const calls = await findProviderCalls(db, id);
  const seal = await findSealNumber(db, id);
  const holdId = transaction.holdId === undefined ? undefined : parseId('hld', transaction.holdId);
  const hold = holdId === undefined || !asked ? undefined : await findHold(db, holdId);
  return {
    transaction,
    initiatedBy: asked ? origin.initiatedBy : null,
    traceId: asked ? origin.traceId : null,
    balances: visible.map(balanceOf),
    rules: asked ? rulesOf(visible, entries, approval, quote) : [],
    limits: visible.filter((entry) => isDebit(entry)).map(limitsOf),
    approvals: approval && asked ? [approvalView(approval, hasRole(user, 'operator') || hasRole(user, 'auditor'))] : [],
    providerCalls: calls && asked ? [callsView(calls)] : [],
    ...(hold && { hold: holdView(hold) }),
    reversals: (await findReversals(db, id)).map((reversal) => formatId('txn', reversal)),
    events: eventsOf(transaction),
    seal: seal === undefined ? null : Number(seal),
  };
}

function isDebit({ amount, ownerId }: ExplainedEntry): boolean {
  return amount < 0n && ownerId !== null;
}

function balanceOf(entry: ExplainedEntry): Explanation['balances'][number] {
  const money = (minor: bigint) => formatAmount(minor, entry.currency);
  return {
    account: accountName(entry),
    currency: entry.currency,
    before: money(entry.balanceAfter - entry.amount),
    change: money(entry.amount),
    after: money(entry.balanceAfter),
    version: Number(entry.version),
  };
}

/** Only rules whose values are recorded: what else was looked at (status, currency) is in the contract, not in the rows. */
function rulesOf(
  visible: readonly ExplainedEntry[],
  entries: readonly ExplainedEntry[],
  approval: Approval | undefined,
  quote: FoundQuote | undefined,
): Rule[] {
  const rules: Rule[] = visible.filter(isDebit).map((entry) => {
    const money = (minor: bigint) => formatAmount(minor, entry.currency);
    const floor = entry.floor === null ? 'none' : money(entry.floor);
    const values = { balanceBefore: money(entry.balanceAfter - entry.amount), debited: money(-entry.amount), floor };
    return { rule: 'sufficient_funds', account: accountName(entry), values };
  });
  for (const fee of entries.filter((entry) => entry.name?.startsWith('fees:'))) {
    rules.push({ rule: 'fee', values: { charged: formatAmount(fee.amount, fee.currency), currency: fee.currency } });
  }
  if (approval) rules.push({ rule: 'approval', values: { outcome: approval.outcome ?? 'pending' } });
  if (quote) {
    const { midRate, rate, spreadBasisPoints } = quote;
    const values = { quote: formatId('fxq', quote.id), midRate, rate, spreadBasisPoints: String(spreadBasisPoints) };
    rules.push({ rule: 'quote', values: { ...values, expiresAt: quote.expiresAt.toISOString() } });
  }
  return rules;
}

function limitsOf(entry: ExplainedEntry): Explanation['limits'][number] {
  const money = (minor: bigint | null) => (minor === null ? null : formatAmount(minor, entry.currency));
  return {
    account: accountName(entry),
    currency: entry.currency,
    perTransaction: money(entry.perTransaction),
    daily: money(entry.daily),
    monthly: money(entry.monthly),
  };
}

function approvalView(approval: Approval, showWho: boolean): Explanation['approvals'][number] {
  return {
    askedAt: approval.askedAt.toISOString(),
    outcome: approval.outcome,
    decidedBy: showWho ? approval.decidedBy : null,
    reason: approval.reason,
    decidedAt: approval.decidedAt?.toISOString() ?? null,
  };
}

function callsView(calls: ProviderCalls): Explanation['providerCalls'][number] {
  const { failureCode, failureMessage } = calls;
  return {
    provider: calls.provider,
    reference: calls.providerReference,
    status: calls.status,
    attempts: calls.attempts,
    submittedAt: calls.submittedAt?.toISOString() ?? null,
    updatedAt: calls.updatedAt.toISOString(),
    ...(failureCode !== null && { failure: { code: failureCode, message: failureMessage ?? '' } }),
  };
}

function eventsOf({ status, postedAt }: TransactionView): Explanation['events'] {
  if (status === 'posted') return [{ type: 'transactions.transaction.posted.v1', time: postedAt }];
  return status === 'failed' ? [{ type: 'transactions.transaction.failed.v1', time: null }] : [];
}
