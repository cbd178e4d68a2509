import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currencies, currencyScale, formatAmount, MAX_MINOR_UNITS, MoneyError, parseAmount } from './index.ts';

const wrongAmounts: [text: string, currency: string][] = [
  ['0', 'USD'],
  ['0.00', 'USD'],
  ['-1', 'USD'],
  ['+1', 'USD'],
  ['01', 'USD'],
  ['1.', 'USD'],
  ['.5', 'USD'],
  ['1e2', 'USD'],
  ['1 ', 'USD'],
  ['1,00', 'USD'],
  ['١', 'USD'],
  ['0x10', 'USD'],
  ['NaN', 'USD'],
  ['', 'USD'],
  ['1.001', 'USD'],
  ['1.0', 'JPY'],
  ['1000000000000000', 'USD'],
  ['1\n', 'USD'],
  ['1', 'usd'],
  ['1', 'XXX'],
  ['1', '__proto__'],
];

describe('parseAmount', () => {
  it.each([
    ['12.50', 'USD', 1250n],
    ['12.5', 'USD', 1250n],
    ['12', 'USD', 1200n],
    ['0.01', 'USD', 1n],
    ['999999999999999.99', 'USD', 99_999_999_999_999_999n],
    ['1', 'JPY', 1n],
    ['1.234', 'BHD', 1234n],
    ['0.0000001', 'XLM', 1n],
    ['0.00000001', 'HBAR', 1n],
  ])('reads %s %s', (text, currency, minor) => {
    expect(parseAmount(text, currency)).toBe(minor);
  });

  it.each(wrongAmounts)('refuses %j %s', (text, currency) => {
    expect(() => parseAmount(text, currency)).toThrow(MoneyError);
  });
});

it('control: a reader by way of numbers takes most of what parseAmount refuses', () => {
  const naive = (text: string) => BigInt(Math.round(Number(text) * 100));
  const taken = wrongAmounts.filter(([text]) => {
    try {
      return naive(text) !== undefined;
    } catch {
      return false;
    }
  });
  const texts = taken.map(([text]) => text);
  expect(texts).toEqual(
    expect.arrayContaining(['0', '-1', '+1', '01', '1.', '.5', '1e2', '1 ', '0x10', '', '1.001', '1\n']),
  );
});

it('MAX_MINOR_UNITS is the largest int8', () => {
  expect(MAX_MINOR_UNITS).toBe(9_223_372_036_854_775_807n);
});

describe('formatAmount', () => {
  it.each([
    [1250n, 'USD', '12.50'],
    [5n, 'USD', '0.05'],
    [-5n, 'USD', '-0.05'],
    [0n, 'USD', '0.00'],
    [0n, 'JPY', '0'],
    [-7n, 'JPY', '-7'],
    [1n, 'HBAR', '0.00000001'],
  ])('writes %s %s as %s', (minor, currency, text) => {
    expect(formatAmount(minor, currency)).toBe(text);
  });

  it('is read back unchanged, in every currency', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...currencies),
        fc.bigInt({ min: 1n, max: 999_999_999_999_999n }),
        (currency, whole) => {
          const minor = whole * 10n ** BigInt(currencyScale(currency)) - 1n || 1n;
          expect(parseAmount(formatAmount(minor, currency), currency)).toBe(minor);
        },
      ),
    );
  });
});
