import { formatAmount, MAX_MINOR_UNITS, MoneyError, parseAmount } from '@florin/money';
import { InvalidFieldError, type Limits } from './account.ts';

/** Limits as the API writes them. A field left out of a request stays as it is; null lifts the limit. */
export type LimitsWanted = { [Name in keyof Limits]?: string | null };

/** Limits as they are told to others: decimals with the currency's full scale. */
export type LimitsView = Record<keyof Limits, string | null>;

/** What a new account has. */
export const noLimits: Limits = { perTransaction: null, daily: null, monthly: null };

/**
 * The limits that come of a request.
 * @throws {InvalidFieldError} when an amount does not fit the currency
 */
export function readLimits(wanted: LimitsWanted, current: Limits, currency: string): Limits {
  const read = (name: keyof Limits): bigint | null => {
    const text = wanted[name];
    if (text === undefined) return current[name];
    return text === null ? null : readLimit(name, text, currency);
  };
  return { perTransaction: read('perTransaction'), daily: read('daily'), monthly: read('monthly') };
}

function readLimit(name: keyof Limits, text: string, currency: string): bigint {
  const pointer = `/${name}`;
  try {
    const amount = parseAmount(text, currency);
    if (amount <= MAX_MINOR_UNITS) return amount;
  } catch (error) {
    if (error instanceof MoneyError) throw new InvalidFieldError(pointer, error.message);
    throw error;
  }
  throw new InvalidFieldError(pointer, `is more than an account holds (${formatAmount(MAX_MINOR_UNITS, currency)})`);
}

/** Writes limits as the API and the ledger have them. */
export function viewLimits(limits: Limits, currency: string): LimitsView {
  const view = (amount: bigint | null) => (amount === null ? null : formatAmount(amount, currency));
  return { perTransaction: view(limits.perTransaction), daily: view(limits.daily), monthly: view(limits.monthly) };
}

/** Whether both allow the same. */
export function sameLimits(a: Limits, b: Limits): boolean {
  return a.perTransaction === b.perTransaction && a.daily === b.daily && a.monthly === b.monthly;
}
