import { isValidIBAN } from 'ibantools';
import { describe, expect, it } from 'vitest';
import { checkNumberRange, NumberRangeError, newAccountNumber } from './account-number.ts';

/** ISO 13616, written without the library: letters become numbers, the first four characters go last, modulo 97 is 1. */
function remainder(iban: string): bigint {
  const moved = iban.slice(4) + iban.slice(0, 4);
  return BigInt(moved.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) % 97n;
}

describe('newAccountNumber', () => {
  it('makes IBANs of the bank with valid check digits', () => {
    for (let count = 0; count < 500; count++) {
      const iban = newAccountNumber({ country: 'LU', bankCode: '999' });
      expect(iban).toMatch(/^LU\d{2}999\d{13}$/);
      expect(isValidIBAN(iban)).toBe(true);
      expect(remainder(iban)).toBe(1n);
    }
  });

  it('does not count up', () => {
    const parts = Array.from({ length: 100 }, () => newAccountNumber({ country: 'LU', bankCode: '999' }).slice(7));
    expect(new Set(parts).size).toBe(100);
    expect([...parts].sort()).not.toEqual(parts);
  });
});

describe('checkNumberRange', () => {
  it.each([
    ['LU', '999'],
    ['DE', '99999999'],
    ['LT', '99999'],
  ])('accepts %s %s', (country, bankCode) => {
    expect(() => checkNumberRange({ country, bankCode })).not.toThrow();
  });

  it.each([
    ['a country without IBANs', 'US', '999'],
    ['a bank code that fills the number', 'LU', '9999999999999999'],
    ['a country with national check digits', 'ES', '9999'],
  ])('refuses %s', (_case, country, bankCode) => {
    expect(() => checkNumberRange({ country, bankCode })).toThrow(NumberRangeError);
  });
});
