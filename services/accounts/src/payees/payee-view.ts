import { formatId, idSchema } from '@florin/service';
import Type, { type Static } from 'typebox';
import { lineSchema } from '../accounts/account-requests.ts';
import type { Payee } from './payee.ts';

export const payeeNameSchema = lineSchema(100, 'Whom the account belongs to');

/** A payee as the public API shows it. */
export const payeeSchema = Type.Object({
  id: idSchema('pye'),
  name: Type.String(),
  accountNumber: Type.String({ description: 'IBAN in upper case, without blanks' }),
  createdAt: Type.String({ format: 'date-time', description: 'RFC 3339 UTC with milliseconds' }),
});

export type PayeeView = Static<typeof payeeSchema>;

/** Writes a payee for its owner. */
export function viewPayee({ id, name, accountNumber, createdAt }: Payee): PayeeView {
  return { id: formatId('pye', id), name, accountNumber, createdAt: createdAt.toISOString() };
}
