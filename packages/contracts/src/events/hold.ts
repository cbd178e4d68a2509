import Type from 'typebox';
import { AccountId, Currency, HoldId, Instant, SignedAmount, UserId } from '../fields.ts';

/** What every event about a hold tells: the hold, and its account as it stands after. */
export const HoldChange = Type.Object({
  hold: Type.Object({
    id: HoldId,
    account: AccountId,
    /** Of the account. */
    owner: UserId,
    /** Who may capture it. */
    to: Type.Union([AccountId, Type.Null()]),
    /** `authorization`: made by a client. Others end with the payment or transfer that they stand for. */
    purpose: Type.String(),
    amount: SignedAmount,
    captured: SignedAmount,
    currency: Currency,
    status: Type.String(),
    expiresAt: Type.Union([Instant, Type.Null()]),
    createdAt: Instant,
  }),
  heldAfter: SignedAmount,
  /** Counts the changes of what is held on the account: of two reports the higher is the newer. */
  heldVersion: Type.Integer({ minimum: 1 }),
  availableAfter: SignedAmount,
});
