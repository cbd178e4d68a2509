import { formatId, problem } from '@florin/service';
import { accountName } from '../accounts/public-id.ts';
import { systemAccountId } from '../accounts/system-accounts.ts';
import { postingRecord } from '../decisions/decision-record.ts';
import type { Decision, LedgerAccount, LedgerState, PostedTransaction, Posting } from '../engine/command.ts';
import { canGive, canReceive, entriesFor } from '../engine/entries.ts';
import { Refusal } from '../errors.ts';
import { checkLimits } from '../limits/check-limits.ts';
import { postedEvent } from '../transactions/posted-event.ts';
import { postedView, transactionView } from '../transactions/transaction-view.ts';
import { fundsRefusal, refusedBy, statusRefusal, type TransferRequest } from '../transfers/transfer.ts';
import type { FoundQuote } from './quote-queries.ts';

/** Public name of the bank's accounts, one per currency, through which conversions go: its open position. */
export const conversionAccount = 'conversion';

/** A valid wish to convert at a quote of the caller's. Ids are uuids. */
export interface Conversion {
  readonly id: string;
  readonly quote: FoundQuote;
  readonly from: string;
  readonly to: string;
}

/** The ledger accounts that a conversion moves, from the customer's first to the customer's second. */
export function accountsOf({ quote, from, to }: Conversion): [string, string, string, string] {
  return [from, systemAccountId(conversionAccount, quote.sell), systemAccountId(conversionAccount, quote.buy), to];
}

/**
 * Decides a conversion: four entries that sum to 0 in each currency. The first rule that says no gives the answer, in this
 * order: both accounts are the caller's (404) · different accounts · the quote is unused and has not expired · the
 * currencies are the accounts' · `from` may give · `to` may receive · funds · the balances stay representable · limits.
 *
 * Two conversions that race for one quote may both be let through here: the second fails on the primary key of
 * `fx_quote_uses`.
 */
export function decideConversion(state: LedgerState, conversion: Conversion, request: TransferRequest): Decision {
  try {
    const { from, to } = checkedAccounts(state, conversion, request.caller.userId);
    checkFunds(state, conversion, from, to);
    const limitUses = checkLimits(state, from, conversion.quote.sellAmount);
    const transaction = transactionOf(state, conversion, request);
    const view = transactionView(
      postedView(transaction, (id) => state.account(id)),
      { ownerId: request.caller.userId },
    );
    return {
      outcome: 'applied',
      transactions: [transaction],
      limitUses,
      rows: [
        { table: 'fx_quote_uses', row: { quote_id: conversion.quote.id, transaction_id: conversion.id } },
        ...postingRecord({ transactionId: conversion.id, account: from, limits: state.limits(from.id) }),
      ],
      events: [postedEvent(transaction, state, request.context)],
      answer: { status: 201, body: JSON.stringify(view) },
    };
  } catch (error) {
    return refusedBy(error, request);
  }
}

function checkedAccounts(
  state: LedgerState,
  { quote, ...ids }: Conversion,
  owner: string,
): { from: LedgerAccount; to: LedgerAccount } {
  const [from, to] = [state.account(ids.from), state.account(ids.to)];
  if (from?.ownerId !== owner || to?.ownerId !== owner) throw problem('not_found', 'There is no such account.');
  if (from.id === to.id) throw new Refusal('same_account', 'A conversion needs two different accounts.');
  if (quote.usedBy !== null) throw new Refusal('quote_expired', `Quote ${formatId('fxq', quote.id)} has been used.`);
  if (state.now > quote.expiresAt) {
    throw new Refusal(
      'quote_expired',
      `Quote ${formatId('fxq', quote.id)} expired at ${quote.expiresAt.toISOString()}.`,
    );
  }
  for (const [account, currency] of [[from, quote.sell] as const, [to, quote.buy] as const]) {
    if (account.currency === currency) continue;
    const detail = `Account ${accountName(account)} is kept in ${account.currency}; the quote needs ${currency}.`;
    throw new Refusal('currency_mismatch', detail);
  }
  if (from.status !== 'active') throw statusRefusal(from, `Account ${accountName(from)}`);
  if (to.status === 'closed') throw statusRefusal(to, `Account ${accountName(to)}`);
  return { from, to };
}

function checkFunds(state: LedgerState, conversion: Conversion, from: LedgerAccount, to: LedgerAccount): void {
  const { sellAmount, buyAmount } = conversion.quote;
  if (!canGive(from, sellAmount)) throw fundsRefusal(from, sellAmount);
  const [, sold] = accountsOf(conversion);
  const position = state.account(sold);
  if (!canReceive(to, buyAmount) || (position && !canReceive(position, sellAmount))) {
    throw new Refusal('limit_exceeded', 'The accounts cannot hold that much.');
  }
}

function transactionOf(state: LedgerState, conversion: Conversion, request: TransferRequest): PostedTransaction {
  const { sell, sellAmount, buyAmount } = conversion.quote;
  const [from, sold, bought, to] = accountsOf(conversion);
  const postings = [
    { account: from, amount: -sellAmount },
    { account: bought, amount: -buyAmount },
    { account: sold, amount: sellAmount },
    { account: to, amount: buyAmount },
  ];
  return {
    id: conversion.id,
    type: 'conversion',
    amount: sellAmount,
    currency: sell,
    debitAccountId: from,
    creditAccountId: to,
    description: null,
    metadata: {},
    reversalOf: null,
    holdId: null,
    initiatedBy: request.caller.id,
    traceId: request.traceId,
    createdAt: state.now,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, inReadingOrder(postings)),
  };
}

/** By amount, as entries are read later, so that the answer and every reading agree. */
function inReadingOrder(postings: readonly Posting[]): Posting[] {
  return postings.toSorted((a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0));
}
