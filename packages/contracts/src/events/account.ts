import Type from 'typebox';
import { AccountId, Currency, SignedAmount, UserId } from '../fields.ts';

const Limit = Type.Union([SignedAmount, Type.Null()]);
const Limits = Type.Object({ perTransaction: Limit, daily: Limit, monthly: Limit });

/** The account as it is after the change. Every account event carries it whole, so that a reader may miss earlier ones. */
export const Account = Type.Object({
  id: AccountId,
  owner: UserId,
  name: Type.String(),
  type: Type.Union([Type.Literal('checking'), Type.Literal('savings'), Type.Literal('goal')]),
  currency: Currency,
  accountNumber: Type.String(),
  status: Type.Union([Type.Literal('pending'), Type.Literal('active'), Type.Literal('frozen'), Type.Literal('closed')]),
  /** What may leave the account at most; null: no limit. Left out by services older than limits. */
  limits: Type.Optional(Limits),
  /** Counts the changes of the account's status and limits from 1. A reader that has seen a higher one ignores the event. */
  version: Type.Integer({ minimum: 1 }),
});
