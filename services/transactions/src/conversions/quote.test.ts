import { currencyScale } from '@florin/money';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priceQuote, type QuoteWish } from './quote.ts';
import { builtInRates } from './rates.ts';
import { decimalText, rational, roundHalfEven } from './rational.ts';

const origin = {
  id: '019aa000-0000-7000-8000-000000000001',
  ownerId: '019aa000-0000-7000-8000-000000000002',
  now: new Date('2026-11-20T10:00:00.000Z'),
};
const price = (wish: QuoteWish, rate: string, spread = 0) => priceQuote(wish, rational(rate), spread, origin);

describe('a quote', () => {
  test('takes the spread off the rate and rounds once, at the end', () => {
    const wish = { sell: 'EUR', buy: 'USD', side: 'sell', amount: 100_00n } as const;
    expect(price(wish, '1.0850', 50)).toMatchObject({
      sellAmount: 100_00n,
      buyAmount: 107_96n, // 108.50 less 0.5 % is 107.9575
      midRate: '1.085',
      rate: '1.079575',
      spreadBasisPoints: 50,
      expiresAt: new Date('2026-11-20T10:00:30.000Z'),
    });
    expect(price({ ...wish, side: 'buy' }, '1.0850', 50)).toMatchObject({ buyAmount: 100_00n, sellAmount: 92_63n });
  });

  test.each([
    ['0.125', 12n],
    ['0.135', 14n],
    ['0.1250001', 13n],
    ['0.115', 12n],
  ])('rounds half to even: 1.00 at %s', (rate, bought) => {
    expect(price({ sell: 'EUR', buy: 'USD', side: 'sell', amount: 100n }, rate).buyAmount).toBe(bought);
  });

  test('counts in the minor units of each currency', () => {
    expect(price({ sell: 'EUR', buy: 'JPY', side: 'sell', amount: 1_00n }, '163.25').buyAmount).toBe(163n);
    expect(price({ sell: 'JPY', buy: 'KWD', side: 'sell', amount: 1_000n }, '0.00204').buyAmount).toBe(2_040n);
  });

  test('is refused where it comes to nothing, or to more than an account holds', () => {
    const tiny = { sell: 'JPY', buy: 'KWD', side: 'buy', amount: 1n } as const;
    expect(() => price(tiny, '0.00204')).toThrow(expect.objectContaining({ code: 'amount_too_small' }));
    const least = { sell: 'USD', buy: 'JPY', side: 'sell', amount: 1n } as const;
    expect(() => price(least, '0.3')).toThrow(expect.objectContaining({ code: 'amount_too_small' }));
    const huge = { sell: 'EUR', buy: 'JPY', side: 'sell', amount: 2n ** 63n - 1n } as const;
    expect(() => price(huge, '163.25')).toThrow(expect.objectContaining({ code: 'limit_exceeded' }));
  });

  test('is exact for any amount: within half a minor unit of the rate, and never a gain by going there and back', async () => {
    const codes = ['EUR', 'USD', 'GBP', 'CHF', 'JPY', 'KWD'];
    const pair = fc.tuple(fc.constantFrom(...codes), fc.constantFrom(...codes)).filter(([a, b]) => a !== b);
    await fc.assert(
      fc.asyncProperty(pair, fc.bigInt(1_000n, 10n ** 15n), async ([sell, buy], amount) => {
        const [there, back] = [await builtInRates.midRate(sell, buy), await builtInRates.midRate(buy, sell)];
        if (!there || !back) throw new Error('a rate is missing');
        const { buyAmount } = priceQuote({ sell, buy, side: 'sell', amount }, there, 0, origin);
        const scale = 10n ** BigInt(currencyScale(sell));
        const other = 10n ** BigInt(currencyScale(buy));
        const exact = { n: amount * there.numerator * other, d: there.denominator * scale };
        const error = buyAmount * exact.d - exact.n;
        expect((error < 0n ? -error : error) * 2n).toBeLessThanOrEqual(exact.d);
        const home = priceQuote({ sell: buy, buy: sell, side: 'sell', amount: buyAmount }, back, 50, origin);
        expect(home.buyAmount).toBeLessThanOrEqual(amount);
      }),
      { numRuns: 200 },
    );
  });
});

describe('fractions', () => {
  test('round half to even and print without trailing zeros', () => {
    expect([5n, 15n, 25n, 24n, 26n].map((numerator) => roundHalfEven({ numerator, denominator: 10n }))).toEqual([
      0n,
      2n,
      2n,
      2n,
      3n,
    ]);
    expect(decimalText(rational('163.2500'), 12)).toBe('163.25');
    expect(decimalText({ numerator: 1n, denominator: 3n }, 6)).toBe('0.333333');
    expect(decimalText(rational('100'), 6)).toBe('100');
    expect(() => rational('1e3')).toThrow(RangeError);
  });
});
