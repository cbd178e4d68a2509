import { isCurrency, MoneyError, parseAmount } from '@florin/money';
import { SettingsError } from '@florin/service';
import { type SystemAccount, systemAccountId } from '../accounts/system-accounts.ts';

/** What a transfer costs: a fixed part and a share of the amount, at most so much. Minor units. */
export interface FeeRule {
  readonly fixed: bigint;
  /** Millionths of the amount: 0.1 % is 1000. */
  readonly millionths: bigint;
  readonly max: bigint | undefined;
}

/** Rules by currency; a currency without one costs nothing. */
export type FeeRules = ReadonlyMap<string, FeeRule>;

const allowed =
  'TRANSFER_FEE must be rules such as USD:0.25+0.1%:max=5.00,EUR:0.20 (currency, fixed part, share with at most 4 decimals, maximum)';

/** Reads the setting. Its values are no secrets, so the message may show what is wrong. @throws {SettingsError} */
export function parseFees(text: string): FeeRules {
  const rules = new Map<string, FeeRule>();
  for (const part of text.split(',').filter((part) => part.trim() !== '')) {
    const match = /^([A-Z]{3,4}):(?:([0-9.]+)(?:\+([0-9.]+)%)?|([0-9.]+)%)(?::max=([0-9.]+))?$/.exec(part.trim());
    if (!match) throw new SettingsError(allowed);
    const [, currency = '', fixed, addedShare, onlyShare, max] = match;
    if (!isCurrency(currency) || rules.has(currency)) throw new SettingsError(`${allowed}; see ${part.trim()}`);
    rules.set(currency, {
      fixed: fixed === undefined ? 0n : amountIn(fixed, currency, part),
      millionths: millionthsIn(addedShare ?? onlyShare, part),
      max: max === undefined ? undefined : amountIn(max, currency, part),
    });
  }
  return rules;
}

function amountIn(text: string, currency: string, part: string): bigint {
  try {
    if (!/^(0|[1-9][0-9]{0,14})(\.[0-9]+)?$/.test(text)) throw new SettingsError(`${allowed}; see ${part.trim()}`);
    return parseAmount(text, currency);
  } catch (error) {
    if (error instanceof MoneyError) throw new SettingsError(`${allowed}; ${text} ${currency} ${error.message}`);
    throw error;
  }
}

function millionthsIn(percent: string | undefined, part: string): bigint {
  if (percent === undefined) return 0n;
  const match = /^([0-9]{1,2}|100)(?:\.([0-9]{1,4}))?$/.exec(percent);
  const millionths = match && BigInt(`${match[1]}${(match[2] ?? '').padEnd(4, '0')}`);
  if (!millionths || millionths > 1_000_000n) throw new SettingsError(`${allowed}; see ${part.trim()}`);
  return millionths;
}

/** What a transfer of `amount` costs by these rules, minor units; halves are rounded to even. */
export function feeOf(rules: FeeRules, amount: bigint, currency: string): bigint {
  const rule = rules.get(currency);
  if (!rule) return 0n;
  const fee = rule.fixed + divideHalfEven(amount * rule.millionths, 1_000_000n);
  return rule.max !== undefined && fee > rule.max ? rule.max : fee;
}

/** `dividend / divisor` rounded to the nearest integer, halves to the even one. Neither is negative. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const [quotient, twice] = [dividend / divisor, (dividend % divisor) * 2n];
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}

/** The bank's income account for fees in a currency, `fees:USD`. */
export function feesAccount(currency: string): SystemAccount & { readonly id: string } {
  const name = `fees:${currency}`;
  return { id: systemAccountId(name, currency), name, currency };
}
