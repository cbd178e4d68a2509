import { electronicFormatIBAN, isValidIBAN } from 'ibantools';
import { InvalidFieldError } from '../accounts/account.ts';

/** Somebody whom an owner pays to. Ids are UUIDs. */
export interface Payee {
  id: string;
  owner: string;
  name: string;
  /** IBAN in electronic format, of whichever bank. */
  accountNumber: string;
  createdAt: Date;
}

/**
 * The account number that somebody wrote, in electronic format: upper case, no blanks.
 *
 * @throws {InvalidFieldError} for what is no IBAN of its country, or has wrong check digits
 */
export function readAccountNumber(text: string): string {
  const number = electronicFormatIBAN(text);
  if (number !== null && isValidIBAN(number)) return number;
  throw new InvalidFieldError('/accountNumber', 'is no valid IBAN: its length, form or check digits do not fit');
}
