import { AMOUNT_PATTERN, MAX_MINOR_UNITS, MoneyError, parseAmount } from '@florin/money';
import { body } from '@florin/service';
import Type, { type Static } from 'typebox';
import { invalidField } from '../errors.ts';

/** What may leave an account at most, minor units: by one transaction, in a day and in a month (UTC). Null: no limit. */
export interface Limits {
  readonly perTransaction: bigint | null;
  readonly daily: bigint | null;
  readonly monthly: bigint | null;
}

const Limit = Type.Union([Type.String({ pattern: AMOUNT_PATTERN }), Type.Null()]);

/** Limits as the service accounts tells them: decimals in the account's currency. */
export const LimitsBody = body({ perTransaction: Limit, daily: Limit, monthly: Limit });

/** @throws {ProblemError} validation_failed for an amount that does not fit the currency */
export function readLimits(told: Static<typeof LimitsBody>, currency: string): Limits {
  const read = (name: keyof Limits) => {
    const text = told[name];
    return text === null ? null : readLimit(text, currency, `/limits/${name}`);
  };
  return { perTransaction: read('perTransaction'), daily: read('daily'), monthly: read('monthly') };
}

function readLimit(text: string, currency: string, pointer: string): bigint {
  try {
    const amount = parseAmount(text, currency);
    if (amount <= MAX_MINOR_UNITS) return amount;
  } catch (error) {
    if (error instanceof MoneyError) throw invalidField(pointer, error.message);
    throw error;
  }
  throw invalidField(pointer, 'is more than an account holds');
}

/** Whether there is any limit. */
export function isLimited(limits: Limits | undefined): boolean {
  return limits !== undefined && Object.values(limits).some((limit) => limit !== null);
}

/** The columns of `ledger_accounts` that hold limits. */
export const limitColumns = ['limit_per_transaction', 'limit_daily', 'limit_monthly'] as const;

/** Their values; none where the limits stay as they are. */
export function limitValues(limits: Limits | undefined): Partial<Record<(typeof limitColumns)[number], bigint | null>> {
  if (!limits) return {};
  return {
    limit_per_transaction: limits.perTransaction,
    limit_daily: limits.daily,
    limit_monthly: limits.monthly,
  };
}
