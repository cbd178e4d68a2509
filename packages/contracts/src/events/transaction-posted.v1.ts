import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { AccountId, Currency, Instant, Party, SignedAmount, TransactionId, UserId } from '../fields.ts';

/** What one transaction did to one account. */
const Entry = Type.Object({
  /** A customer's account, or the public name of one of the bank's own. */
  account: Type.Union([AccountId, Party]),
  /** Null for the bank's own accounts. */
  owner: Type.Union([UserId, Type.Null()]),
  accountNumber: Type.Union([Type.String(), Type.Null()]),
  amount: SignedAmount,
  currency: Currency,
  balanceAfter: SignedAmount,
  heldAfter: SignedAmount,
  /** Counts the changes of what is held on the account: of two reports the higher is the newer. 0 before the first. */
  heldVersion: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Counts the entries of the account from 1, without gaps. */
  version: Type.Integer({ minimum: 1 }),
});

/** Money has moved. The entries sum to zero in each currency. */
export const transactionPosted = defineEvent(
  'transactions.transaction.posted.v1',
  Type.Object({
    transaction: Type.Object({
      id: TransactionId,
      type: Type.String(),
      amount: SignedAmount,
      currency: Currency,
      from: Party,
      to: Party,
      description: Type.Union([Type.String(), Type.Null()]),
      reversalOf: Type.Union([TransactionId, Type.Null()]),
      createdAt: Instant,
      postedAt: Instant,
      effectiveAt: Instant,
    }),
    entries: Type.Array(Entry, { minItems: 2 }),
  }),
);
