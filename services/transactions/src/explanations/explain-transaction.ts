import { hasRole, type UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { formatAmount, parseAmount } from '@florin/money';
import { formatId, parseId } from '@florin/service';
import type { Static } from 'typebox';
import { isStaff } from '../accounts/may-read.ts';
import { accountName } from '../accounts/public-id.ts';
import { quoteOf } from '../conversions/quote-queries.ts';
import type { DeliveryClient } from '../deliveries/delivery-client.ts';
import { notFound } from '../errors.ts';
import { findHold } from '../holds/hold-queries.ts';
import { holdView } from '../holds/hold-view.ts';
import type { Tables } from '../tables.ts';
import { readTransaction } from '../transactions/read-transactions.ts';
import type { TransactionView } from '../transactions/transaction-view.ts';
import { limitsOf, rulesOf } from './explained-rules.ts';
import {
  type Approval,
  type ExplainedEntry,
  explainedEntries,
  findApproval,
  findOrigin,
  findProviderCalls,
  findReversals,
  findSealNumber,
  type Origin,
  type ProviderCalls,
  type RecordedDecision,
  recordedDecisions,
} from './explanation-queries.ts';
import type { ExplanationSchema } from './explanation-schema.ts';

type Explanation = Static<typeof ExplanationSchema>;

/** Where an explanation is put together from. */
export interface ExplanationSources {
  readonly db: Database<Tables>;
  readonly deliveries: Pick<DeliveryClient, 'deliveriesOf'>;
}

/** Who wants to know, with the `Authorization` of the request. */
export interface ExplanationReader {
  readonly user: UserPrincipal;
  readonly authorization: string;
}

/**
 * How a transaction came to be, from what is recorded and nothing else. Whoever may read the transaction may read this;
 * what belongs to the other side (its balances, who asked) is left out as it is there. Deliveries are those that
 * notification shows to the reader; without an answer from there all the rest is told.
 * @throws {ProblemError} not_found
 */
export async function explainTransaction(
  { db, deliveries }: ExplanationSources,
  { user, authorization }: ExplanationReader,
  id: string | undefined,
): Promise<Explanation> {
  const transaction = await readTransaction(db, user, id);
  const origin = id === undefined ? undefined : await findOrigin(db, id);
  if (id === undefined || !origin) throw notFound('transaction');
  const entries = await explainedEntries(db, id);
  const isVisible = ({ ownerId }: { ownerId: string | null }) => isStaff(user) || ownerId === user.userId;
  const visible = entries.filter(isVisible);
  const all = await recordedDecisions(db, id);
  const asked = isStaff(user) || origin.initiatedBy === user.id;
  const quote = await quoteOf(db, id);
  const approval = await findApproval(db, id);
  const calls = await findProviderCalls(db, id);
  const seal = await findSealNumber(db, id);
  const holdId = transaction.holdId === undefined ? undefined : parseId('hld', transaction.holdId);
  const hold = holdId === undefined || !asked ? undefined : await findHold(db, holdId);
  const recorded = isRecorded(origin, all, approval !== undefined || calls?.type === 'withdrawal');
  const decisions = all.filter(isVisible);
  const { currency } = transaction;
  const amount = parseAmount(transaction.amount, currency);
  return {
    transaction,
    initiatedBy: asked ? origin.initiatedBy : null,
    traceId: asked ? origin.traceId : null,
    balances: visible.map(balanceOf),
    rules: asked ? rulesOf({ amount, currency, visible, entries, decisions, recorded, approval, quote }) : [],
    recorded,
    limits: limitsOf(decisions),
    approvals: approval && asked ? [approvalView(approval, hasRole(user, 'operator') || hasRole(user, 'auditor'))] : [],
    providerCalls: calls && asked ? [callsView(calls)] : [],
    ...(hold && { hold: holdView(hold) }),
    reversals: (await findReversals(db, id)).map((reversal) => formatId('txn', reversal)),
    events: eventsOf(transaction),
    deliveries: await deliveries.deliveriesOf(transaction.id, authorization),
    seal: seal === undefined ? null : Number(seal),
  };
}

/** What had to wait has a record of its request, whatever was in force; of a posting, no record says that nothing was. */
function isRecorded({ unrecorded }: Origin, decisions: readonly RecordedDecision[], hadToWait: boolean): boolean {
  return !unrecorded && (!hadToWait || decisions.some(({ step }) => step === 'request'));
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
