import { formatAmount } from '@florin/money';
import { formatId } from '@florin/service';
import type { Static } from 'typebox';
import { accountName } from '../accounts/public-id.ts';
import type { FoundQuote } from '../conversions/quote-queries.ts';
import type { Approval, ExplainedEntry, RecordedDecision } from './explanation-queries.ts';
import type { ExplanationSchema, RuleSchema } from './explanation-schema.ts';

type Rule = Static<typeof RuleSchema>;
type Limits = Static<typeof ExplanationSchema>['limits'][number];

/** All that is recorded about why a transaction was allowed. */
export interface Grounds {
  /** Minor units of `currency`. */
  readonly amount: bigint;
  readonly currency: string;
  /** Those that the reader may see, and all. */
  readonly visible: readonly ExplainedEntry[];
  readonly entries: readonly ExplainedEntry[];
  readonly decisions: readonly RecordedDecision[];
  readonly recorded: boolean;
  readonly approval: Approval | undefined;
  readonly quote: FoundQuote | undefined;
}

/** Only rules whose values are recorded: what else was looked at (status, currency) is in the contract, not in the rows. */
export function rulesOf(grounds: Grounds): Rule[] {
  return [
    ...requestedFunds(grounds),
    ...postedFunds(grounds),
    ...fees(grounds),
    ...approvals(grounds),
    ...quotes(grounds),
  ];
}

/** The limits that the decisions looked at; a decision about an account without any has none. */
export function limitsOf(decisions: readonly RecordedDecision[]): Limits[] {
  return decisions.flatMap((decision) => {
    const { step, currency, perTransaction, daily, monthly, usedToday, usedThisMonth } = decision;
    if (usedToday === null || usedThisMonth === null) return [];
    const money = (minor: bigint | null) => (minor === null ? null : formatAmount(minor, currency));
    return {
      ...{ step, account: accountName(decision), currency, perTransaction: money(perTransaction) },
      ...{ daily: money(daily), usedToday: formatAmount(usedToday, currency) },
      ...{ monthly: money(monthly), usedThisMonth: formatAmount(usedThisMonth, currency) },
    };
  });
}

function requestedFunds({ amount, decisions }: Grounds): Rule[] {
  const request = decisions.find(({ step }) => step === 'request');
  if (!request) return [];
  const money = (minor: bigint) => formatAmount(minor, request.currency);
  const values = { balanceBefore: money(request.posted), held: money(request.held), asked: money(amount) };
  const floor = floorOf(request);
  return [{ rule: 'sufficient_funds', step: 'request', account: accountName(request), values: { ...values, floor } }];
}

/** One for each account that gave, its fee included: what it had before the first of its entries, and what they come to. */
function postedFunds({ visible, decisions, recorded }: Grounds): Rule[] {
  const posting = decisions.find(({ step }) => step === 'posting');
  const debits = visible.filter(({ amount, ownerId }) => amount < 0n && ownerId !== null);
  return [...Map.groupBy(debits, ({ id }) => id).values()].flatMap((entries): Rule[] => {
    const [first] = entries.toSorted((a, b) => (a.version < b.version ? -1 : 1));
    if (!first) return [];
    const money = (minor: bigint) => formatAmount(minor, first.currency);
    const debited = entries.reduce((sum, { amount }) => sum - amount, 0n);
    const balanceBefore = money(first.balanceAfter - first.amount);
    const held = recorded ? { held: money(posting?.held ?? 0n) } : {};
    const values = { balanceBefore, ...held, debited: money(debited), floor: floorOf(first) };
    return [{ rule: 'sufficient_funds', step: 'posting', account: accountName(first), values }];
  });
}

function floorOf({ floor, currency }: { floor: bigint | null; currency: string }): string {
  return floor === null ? 'none' : formatAmount(floor, currency);
}

/** What was charged is in the entries, by which rule in the record of the request or, without one, of the posting. */
function fees({ entries, decisions, currency }: Grounds): Rule[] {
  const money = (minor: bigint) => formatAmount(minor, currency);
  const charged = entries.find((entry) => entry.name?.startsWith('fees:'))?.amount;
  const by = decisions.find(({ feeFixed }) => feeFixed !== null);
  if (charged === undefined && !by) return [];
  const rule = by && {
    fixed: money(by.feeFixed ?? 0n),
    percent: percentOf(by.feeMillionths ?? 0n),
    ...(by.feeMax !== null && { max: money(by.feeMax) }),
  };
  const values = { ...rule, ...(charged !== undefined && { charged: money(charged) }), currency };
  return [{ rule: 'fee', step: by?.step ?? 'posting', values }];
}

/** Ten thousand millionths are one percent. */
function percentOf(millionths: bigint): string {
  const decimals = (millionths % 10_000n).toString().padStart(4, '0').replace(/0+$/, '');
  return `${millionths / 10_000n}${decimals && `.${decimals}`}`;
}

function approvals({ approval, decisions, currency }: Grounds): Rule[] {
  const by = decisions.find(({ approvalThreshold }) => approvalThreshold !== null);
  if (!approval && !by) return [];
  const threshold = by && { threshold: formatAmount(by.approvalThreshold ?? 0n, currency) };
  const outcome = approval ? (approval.outcome ?? 'pending') : 'not_needed';
  return [{ rule: 'approval', step: by?.step ?? 'request', values: { ...threshold, outcome } }];
}

function quotes({ quote }: Grounds): Rule[] {
  if (!quote) return [];
  const { midRate, rate, spreadBasisPoints } = quote;
  const values = { quote: formatId('fxq', quote.id), midRate, rate, spreadBasisPoints: String(spreadBasisPoints) };
  return [{ rule: 'quote', step: 'posting', values: { ...values, expiresAt: quote.expiresAt.toISOString() } }];
}
