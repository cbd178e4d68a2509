import { idSchema } from '@florin/service';
import Type from 'typebox';

const Time = Type.String({ description: 'RFC 3339, UTC, milliseconds' });
const Amount = Type.String({ description: "Decimal with the currency's full scale" });
const Party = Type.String({
  description: "`acc_…`, or the public name of one of the bank's own accounts: `external:<provider>`, `suspense`",
});

/** A transaction in answers; made by `transactionView`. */
export const TransactionSchema = Type.Object(
  {
    id: idSchema('txn'),
    type: Type.String({
      enum: ['transfer', 'deposit', 'withdrawal', 'reversal', 'conversion', 'fee', 'interest'],
    }),
    status: Type.String({ enum: ['pending', 'pending_approval', 'posted', 'failed', 'rejected'] }),
    amount: Amount,
    currency: Type.String(),
    from: Party,
    to: Party,
    description: Type.Union([Type.String(), Type.Null()]),
    metadata: Type.Record(Type.String(), Type.String()),
    entries: Type.Array(
      Type.Object({
        account: Party,
        amount: Type.String({ description: 'Signed from the account holder’s view: `-` is money out' }),
        balanceAfter: Type.Optional(Amount),
        version: Type.Optional(Type.Integer({ description: 'Counts the entries of the account from 1, without gaps' })),
      }),
      { description: 'Empty until posted; `balanceAfter` and `version` only on the caller’s own accounts' },
    ),
    reversalOf: Type.Optional(idSchema('txn')),
    reversedBy: Type.Optional(idSchema('txn')),
    holdId: Type.Optional(idSchema('hld')),
    failure: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
    createdAt: Time,
    postedAt: Type.Union([Time, Type.Null()]),
    effectiveAt: Type.Union([Time, Type.Null()]),
  },
  { description: 'A movement of money' },
);
