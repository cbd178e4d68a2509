import { randomInt } from 'node:crypto';
import { composeIBAN, getCountrySpecifications, isValidIBAN } from 'ibantools';

/** Which account numbers this bank gives out. */
export interface NumberRange {
  /** ISO 3166 code of a country with IBANs. */
  country: string;
  /** Start of the national part, as digits. */
  bankCode: string;
}

/** The settings don't make valid account numbers. */
export class NumberRangeError extends Error {
  override readonly name = 'NumberRangeError';
}

const digits = (count: number): string => Array.from({ length: count }, () => randomInt(10)).join('');

/**
 * Makes a random IBAN with valid check digits. Nobody can guess a neighbour's number from their own; two calls may
 * return the same one, which the database's unique index finds.
 *
 * @throws {NumberRangeError} when the country has no IBANs or the bank code leaves no room
 */
export function newAccountNumber(range: NumberRange): string {
  const length = (getCountrySpecifications()[range.country]?.chars ?? 0) - 4 - range.bankCode.length;
  const iban = length > 0 ? composeIBAN({ countryCode: range.country, bban: range.bankCode + digits(length) }) : null;
  if (iban === null)
    throw new NumberRangeError(`No account numbers can be made for ${range.country} ${range.bankCode}.`);
  return iban;
}

/**
 * Tells at the start what would otherwise fail at the first customer: a bank code that does not fit the country, or a
 * country whose national part has check digits of its own, which random digits don't meet.
 *
 * @throws {NumberRangeError}
 */
export function checkNumberRange(range: NumberRange): void {
  const samples = Array.from({ length: 20 }, () => newAccountNumber(range));
  if (samples.every((sample) => isValidIBAN(sample))) return;
  throw new NumberRangeError(`${range.country} has national check digits, which Florin does not make.`);
}
