import { formatAmount } from '@florin/money';
import { formatId, idSchema } from '@florin/service';
import Type, { type Static } from 'typebox';
import type { Hold } from '../engine/hold.ts';

const Time = Type.String({ description: 'RFC 3339, UTC, milliseconds' });
const Amount = Type.String({ description: "Decimal with the currency's full scale" });

/** A hold in answers; made by `holdView`. */
export const HoldSchema = Type.Object(
  {
    id: idSchema('hld'),
    status: Type.String({ enum: ['active', 'captured', 'voided', 'expired'] }),
    purpose: Type.String({
      enum: ['authorization', 'withdrawal', 'approval'],
      description:
        'Only an `authorization` can be captured or voided here; the others end with what they were made for',
    }),
    account: idSchema('acc'),
    to: Type.Optional(idSchema('acc')),
    amount: Amount,
    currency: Type.String(),
    captured: Amount,
    description: Type.Union([Type.String(), Type.Null()]),
    expiresAt: Type.Union([Time, Type.Null()]),
    createdAt: Time,
  },
  { description: 'Money of an account set aside: `available` is less by it, `posted` is not' },
);

/** The one place where a hold becomes JSON: kept answers and reads alike. */
export function holdView(hold: Hold): Static<typeof HoldSchema> {
  return {
    id: formatId('hld', hold.id),
    status: hold.status,
    purpose: hold.purpose,
    account: formatId('acc', hold.accountId),
    ...(hold.toAccountId !== null && { to: formatId('acc', hold.toAccountId) }),
    amount: formatAmount(hold.amount, hold.currency),
    currency: hold.currency,
    captured: formatAmount(hold.capturedAmount, hold.currency),
    description: hold.description,
    expiresAt: hold.expiresAt?.toISOString() ?? null,
    createdAt: hold.createdAt.toISOString(),
  };
}
