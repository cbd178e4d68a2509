import Type from 'typebox';
import { defineEvent } from '../event-definition.ts';
import { AccountId, Currency, Instant, SignedAmount, TransactionId, UserId } from '../fields.ts';

/** A pending transaction has come to nothing; no money has moved. */
export const transactionFailed = defineEvent(
  'transactions.transaction.failed.v1',
  Type.Object({
    transaction: Type.Object({
      id: TransactionId,
      type: Type.String(),
      amount: SignedAmount,
      currency: Currency,
      account: AccountId,
      owner: UserId,
      createdAt: Instant,
    }),
    failure: Type.Object({ code: Type.String(), message: Type.String() }),
  }),
);
