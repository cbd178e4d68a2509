import { AMOUNT_PATTERN, currencyScale, MAX_MINOR_UNITS } from '@florin/money';
import { body } from '@florin/service';
import Type, { type Static } from 'typebox';
import type { TransactionType } from '../engine/command.ts';
import { invalidField } from '../errors.ts';
import { parseTime, timeParameter } from './time-parameter.ts';

const types = ['transfer', 'deposit', 'withdrawal', 'reversal', 'conversion', 'fee', 'interest'] as const;
const statuses = ['pending', 'pending_approval', 'posted', 'failed', 'rejected'] as const;

/** What lists of transactions can be narrowed by. */
export const filterQuery = body({
  type: Type.Optional(Type.Union(types.map((type) => Type.Literal(type)))),
  status: Type.Optional(Type.Union(statuses.map((status) => Type.Literal(status)))),
  from: Type.Optional(timeParameter('Created at or after this')),
  to: Type.Optional(timeParameter('Created before this')),
  minAmount: Type.Optional(
    Type.String({ pattern: AMOUNT_PATTERN, description: 'In the currency of each transaction' }),
  ),
  maxAmount: Type.Optional(
    Type.String({ pattern: AMOUNT_PATTERN, description: 'In the currency of each transaction' }),
  ),
  reference: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'Equal to `metadata.reference`' })),
});

/** A filter as queries use it. */
export interface TransactionFilter {
  readonly type?: TransactionType;
  readonly status?: (typeof statuses)[number];
  /** Inclusive. */
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
  /** Smallest and largest amount by currency, minor units. */
  readonly amounts?: ReadonlyMap<string, { readonly min: bigint; readonly max: bigint }>;
  readonly reference?: string;
}

/** Reads the query. `currencies` are those that can occur. @throws {ProblemError} validation_failed */
export function toFilter(query: Static<typeof filterQuery>, currencies: Iterable<string>): TransactionFilter {
  const { type, status, reference, minAmount, maxAmount } = query;
  const from = timeOf(query.from, '/from');
  const to = timeOf(query.to, '/to');
  const bounded = minAmount !== undefined || maxAmount !== undefined;
  const range = (currency: string) => ({
    min: minAmount === undefined ? 0n : minorUnits(minAmount, currency, 'up'),
    max: maxAmount === undefined ? MAX_MINOR_UNITS : minorUnits(maxAmount, currency, 'down'),
  });
  return {
    ...(type !== undefined && { type }),
    ...(status !== undefined && { status }),
    ...(from && { from }),
    ...(to && { to }),
    ...(reference !== undefined && { reference }),
    ...(bounded && { amounts: new Map(Array.from(currencies, (currency) => [currency, range(currency)])) }),
  };
}

function timeOf(text: string | undefined, pointer: string): Date | undefined {
  if (text === undefined) return undefined;
  const time = parseTime(text);
  if (!time) throw invalidField(pointer, 'must be an RFC 3339 time');
  return time;
}

/** A bound may have more decimals than the currency; it is then rounded to the side that keeps its meaning. */
function minorUnits(amount: string, currency: string, round: 'up' | 'down'): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  const scale = currencyScale(currency);
  const minor = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  const rest = /[1-9]/.test(fraction.slice(scale));
  const bound = rest && round === 'up' ? minor + 1n : minor;
  return bound > MAX_MINOR_UNITS ? MAX_MINOR_UNITS : bound;
}
