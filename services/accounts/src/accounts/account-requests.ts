import { AMOUNT_PATTERN } from '@florin/money';
import { body, idSchema, parseId } from '@florin/service';
import Type from 'typebox';
import { accountNotFound } from '../errors.ts';

/** A line of text for people, up to `maxLength` characters. */
export const lineSchema = (maxLength: number, description: string) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]+$',
    description: `${description}: no control characters, not blank`,
  });

/** The name an owner gives an account. */
export const nameSchema = lineSchema(100, 'Name for the owner');

/** What a goal account saves for. */
export const goalSchema = body({
  amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in the currency of the account' }),
  dueDate: Type.Optional(
    Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description: 'yyyy-mm-dd, not in the past' }),
  ),
});

/** The account in a path. */
export const accountParams = body({ id: idSchema('acc') });

/** The UUID of an account's id as it passed the path's schema. */
export function accountUuid(id: string): string {
  const uuid = parseId('acc', id);
  if (uuid === undefined) throw accountNotFound();
  return uuid;
}
