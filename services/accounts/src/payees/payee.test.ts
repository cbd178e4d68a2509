import { describe, expect, it } from 'vitest';
import { readAccountNumber } from './payee.ts';

describe('readAccountNumber', () => {
  it.each([
    ['DE89370400440532013000', 'DE89370400440532013000'],
    ['DE89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
    ['gb29 nwbk 6016 1331 9268 19', 'GB29NWBK60161331926819'],
    ['MT84 MALT 0110 0001 2345 MTLC AST0 01S', 'MT84MALT011000012345MTLCAST001S'],
    ['NO9386011117947', 'NO9386011117947'],
  ])('reads %s in electronic format', (text, number) => {
    expect(readAccountNumber(text)).toBe(number);
  });

  it.each([
    ['wrong check digits', 'DE88370400440532013000'],
    ['two digits exchanged', 'DE89370400440532010300'],
    ['a digit too few, with fitting check digits', 'DE2837040044053201300'],
    ['letters where the country has digits', 'DE8937040044053201300A'],
    ['a country without IBANs', 'US64SVBKUS6S3300958879'],
    ['no text', ''],
  ])('refuses %s', (_case, text) => {
    expect(() => readAccountNumber(text)).toThrow('is no valid IBAN');
  });
});
