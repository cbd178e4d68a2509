import { scaleOf } from './currencies.ts';

/** An amount or currency that can't be used. The message may be shown to whoever sent it. */
export class MoneyError extends Error {
  override readonly name = 'MoneyError';
}

/** Largest amount that a database column (int8) holds, in minor units. */
export const MAX_MINOR_UNITS = 2n ** 63n - 1n;

/** JSON schema pattern of an amount on the wire: no sign, exponent, blanks or leading zeros, at most 15 digits before the point. */
export const AMOUNT_PATTERN = '^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,8})?$';

const amountPattern = new RegExp(AMOUNT_PATTERN);

/**
 * Decimals of the currency's minor unit, 0..8 (ISO 4217).
 *
 * @throws {MoneyError} for an unknown currency
 */
export function currencyScale(currency: string): number {
  const scale = scaleOf(currency);
  if (scale === undefined) throw new MoneyError(`${currency} is not a currency that Florin knows.`);
  return scale;
}

/**
 * Reads an amount as it stands in a request, `"12.50"`, into minor units, `1250n`. The result is at least 1 and may
 * exceed {@link MAX_MINOR_UNITS}: 15 digits before the point are allowed for currencies of every scale.
 *
 * @throws {MoneyError} when it is malformed, zero, or has more decimals than the currency
 */
export function parseAmount(text: string, currency: string): bigint {
  const scale = currencyScale(currency);
  if (!amountPattern.test(text)) throw new MoneyError('must be a plain decimal such as "12.50"');
  const [whole = '', fraction = ''] = text.split('.');
  if (fraction.length > scale) throw new MoneyError(`has more decimals than ${currency} allows (${scale})`);
  const minor = BigInt(whole + fraction.padEnd(scale, '0'));
  if (minor === 0n) throw new MoneyError('must be greater than zero');
  return minor;
}

/**
 * Writes minor units with the currency's full scale: `1250n` USD is `"12.50"`, `-5n` is `"-0.05"`.
 *
 * @throws {MoneyError} for an unknown currency
 */
export function formatAmount(minor: bigint, currency: string): string {
  const scale = currencyScale(currency);
  const digits = (minor < 0n ? -minor : minor).toString().padStart(scale + 1, '0');
  const sign = minor < 0n ? '-' : '';
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
