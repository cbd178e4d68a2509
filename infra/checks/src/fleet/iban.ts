import { randomInt } from 'node:crypto';

/** The IBAN of a country with that national part: check digits by ISO 7064, mod 97-10. */
export function ibanOf(country: string, national: string): string {
  const digits = [...`${national}${country}00`].map((character) => Number.parseInt(character, 36)).join('');
  return `${country}${String(98n - (BigInt(digits) % 97n)).padStart(2, '0')}${national}`;
}

/** A valid IBAN that is nobody's. */
export function newIban(): string {
  return ibanOf('LU', `998${Array.from({ length: 13 }, () => randomInt(10)).join('')}`);
}
