import type { UserPrincipal } from '@florin/auth';
import { type Database, errorCode, type IdempotentAnswer, runIdempotently } from '@florin/database';
import { newUuid, problem } from '@florin/service';
import { context } from '@opentelemetry/api';
import { ensureSystemAccounts } from '../accounts/system-accounts.ts';
import type { SubmittedAnswer } from '../engine/command.ts';
import type { PostingEngine } from '../engine/posting-engine.ts';
import { invalidField } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { accountsOf, type Conversion, conversionAccount, decideConversion } from './conversion.ts';
import { priceQuote, type QuoteWish, quoteView } from './quote.ts';
import { findQuote, insertQuote } from './quote-queries.ts';
import type { RateSource } from './rates.ts';

/** What conversions take. */
export interface ConversionDesk {
  readonly db: Database<Tables>;
  readonly engine: PostingEngine;
  readonly rates: RateSource;
  /** What the customer's rate is worse than the mid rate. */
  readonly spreadBasisPoints: number;
  readonly clock: () => Date;
}

/** Who calls, for what. */
export interface ConversionCall {
  readonly caller: UserPrincipal;
  readonly fingerprint: Buffer;
  readonly path: string;
  readonly traceId: string;
}

/** What shall be converted, where. All uuids. */
export interface ConversionWish {
  readonly quote: string;
  readonly from: string;
  readonly to: string;
}

/** Makes a quote for the caller. @throws {ProblemError} validation_failed, amount_too_small, limit_exceeded, … */
export async function makeQuote(
  { db, rates, spreadBasisPoints, clock }: ConversionDesk,
  wish: QuoteWish,
  { caller, fingerprint, path, key }: ConversionCall & { readonly key: string | undefined },
): Promise<IdempotentAnswer> {
  const midRate = await rates.midRate(wish.sell, wish.buy);
  if (!midRate) throw invalidField('/buy', 'is not a currency that can be bought for the one to sell');
  return await runIdempotently(db, { caller: caller.id, key, fingerprint, path }, async (tx) => {
    const origin = { id: newUuid(), ownerId: caller.userId, now: clock() };
    const quote = priceQuote(wish, midRate, spreadBasisPoints, origin);
    await insertQuote(tx, quote);
    return { status: 201, body: quoteView(quote) };
  });
}

/**
 * Converts at a quote of the caller's; resolves after the commit. `quote`, `from` and `to` are uuids.
 * @throws {ProblemError} not_found, upstream_unavailable, …
 */
export async function postConversion(
  desk: ConversionDesk,
  wish: ConversionWish,
  call: ConversionCall & { readonly key: string },
): Promise<SubmittedAnswer> {
  const find = () => findQuote(desk.db, wish.quote, call.caller.userId);
  const quote = await find();
  if (!quote) throw problem('not_found', 'There is no such quote.');
  const names = [quote.sell, quote.buy].map((currency) => ({ name: conversionAccount, currency }));
  await ensureSystemAccounts(desk.db, names);
  try {
    return await submit(desk.engine, { ...wish, id: newUuid(), quote }, call);
  } catch (error) {
    // Another call was first with the quote while this one was under way. Asked again, the ledger gives that one's answer
    // where it had the same key, and says no otherwise.
    const used = errorCode(error) === '23505' ? await find() : undefined;
    if (!used?.usedBy) throw error;
    return await submit(desk.engine, { ...wish, id: newUuid(), quote: used }, call);
  }
}

async function submit(
  engine: PostingEngine,
  conversion: Conversion,
  { caller, fingerprint, path, traceId, key }: ConversionCall & { readonly key: string },
): Promise<SubmittedAnswer> {
  const trace = context.active();
  return await engine.submit({
    id: conversion.id,
    kind: 'conversion',
    accounts: accountsOf(conversion),
    limitsOf: [conversion.from],
    idempotency: { caller: caller.id, key, fingerprint },
    context: trace,
    decide: (state) => decideConversion(state, conversion, { caller, path, traceId, context: trace }),
  });
}
