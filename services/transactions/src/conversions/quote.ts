import { currencyScale, formatAmount, MAX_MINOR_UNITS } from '@florin/money';
import { formatId, problem } from '@florin/service';
import { decimalText, inverse, type Rational, roundHalfEven, times } from './rational.ts';

/** How long a quote is good for, milliseconds. */
export const quoteLifeMs = 30_000;
const ratePlaces = 12;

/** The side whose amount was asked for; the other amount follows from the rate. */
export type QuoteSide = 'sell' | 'buy';

/** What a customer wants a price for. `amount`: minor units of the side's currency, > 0. */
export interface QuoteWish {
  readonly sell: string;
  readonly buy: string;
  readonly side: QuoteSide;
  readonly amount: bigint;
}

/** A promise to convert at a price, once, until it expires. Amounts are minor units. */
export interface Quote {
  /** uuid */
  readonly id: string;
  /** uuid of the customer, the only one who can use it. */
  readonly ownerId: string;
  readonly sell: string;
  readonly buy: string;
  readonly side: QuoteSide;
  readonly sellAmount: bigint;
  readonly buyAmount: bigint;
  /** Decimal: units of `buy` for one of `sell`, without and with the spread, to twelve places. */
  readonly midRate: string;
  readonly rate: string;
  readonly spreadBasisPoints: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/**
 * Prices a wish. The customer's rate is the mid rate less the spread; the amount that follows is rounded to the
 * currency's minor unit, half to even, with no rounding before.
 * @throws {ProblemError} amount_too_small when it comes to nothing, limit_exceeded when it fits no account
 */
export function priceQuote(
  wish: QuoteWish,
  midRate: Rational,
  spreadBasisPoints: number,
  { id, ownerId, now }: { id: string; ownerId: string; now: Date },
): Quote {
  const { sell, buy, side, amount } = wish;
  const kept = { numerator: BigInt(10_000 - spreadBasisPoints), denominator: 10_000n };
  const rate = times(midRate, kept);
  // From minor units of one currency to minor units of the other.
  const scales = { numerator: 10n ** scale(buy), denominator: 10n ** scale(sell) };
  const minorRate = times(rate, scales);
  const follow = (by: Rational) => roundHalfEven(times({ numerator: amount, denominator: 1n }, by));
  const [sellAmount, buyAmount] = side === 'sell' ? [amount, follow(minorRate)] : [follow(inverse(minorRate)), amount];
  if (sellAmount === 0n || buyAmount === 0n) {
    const other = side === 'sell' ? buy : sell;
    throw problem('amount_too_small', `The amount comes to less than the smallest amount of ${other}.`);
  }
  if (sellAmount > MAX_MINOR_UNITS || buyAmount > MAX_MINOR_UNITS) {
    throw problem('limit_exceeded', 'No account can hold that much.');
  }
  return {
    id,
    ownerId,
    sell,
    buy,
    side,
    sellAmount,
    buyAmount,
    midRate: decimalText(midRate, ratePlaces),
    rate: decimalText(rate, ratePlaces),
    spreadBasisPoints,
    createdAt: now,
    expiresAt: new Date(now.getTime() + quoteLifeMs),
  };
}

/** A quote as the contract writes it. */
export function quoteView(quote: Quote) {
  return {
    id: formatId('fxq', quote.id),
    sell: quote.sell,
    buy: quote.buy,
    side: quote.side,
    sellAmount: formatAmount(quote.sellAmount, quote.sell),
    buyAmount: formatAmount(quote.buyAmount, quote.buy),
    rate: quote.rate,
    spread: quote.spreadBasisPoints,
    expiresAt: quote.expiresAt.toISOString(),
  };
}

function scale(currency: string): bigint {
  return BigInt(currencyScale(currency));
}
