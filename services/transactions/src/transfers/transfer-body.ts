import { AMOUNT_PATTERN } from '@florin/money';
import { body, idSchema } from '@florin/service';
import Type, { type Static } from 'typebox';
import { amountOf } from '../errors.ts';
import { descriptionField, metadataField } from '../transactions/free-fields.ts';

/** An account that money may go to, as a client writes it. */
export const accountOrNumber = Type.String({
  pattern: '^(acc_[0-7][0-9a-hjkmnp-tv-z]{25}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})$',
  description: '`acc_…` or an account number (IBAN without blanks)',
});

/** A transfer as a client asks for it, alone or in a batch. */
export const TransferBody = body({
  from: idSchema('acc'),
  to: accountOrNumber,
  amount: Type.String({ pattern: AMOUNT_PATTERN, description: 'Decimal in `currency`, greater than zero' }),
  currency: Type.String({ minLength: 3, maxLength: 4 }),
  description: Type.Optional(descriptionField),
  metadata: Type.Optional(metadataField),
});

/** A valid request for a transfer. `from` and `to` as the client wrote them, `amount` in minor units. */
export interface TransferWish {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads a body that passed the schema; `pointer` is its place in the request. @throws {ProblemError} validation_failed */
export function wishOf(wanted: Static<typeof TransferBody>, pointer = ''): TransferWish {
  const { from, to, currency, description = null, metadata = {} } = wanted;
  return { from, to, amount: amountOf(wanted, pointer), currency, description, metadata };
}
