import { body } from '@florin/service';
import Type from 'typebox';

const Reference = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[\\x21-\\x7e]+$',
  description: "The client's own id of the payment; the same one again is the same payment",
});

const order = {
  reference: Reference,
  amount: Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'Whole minor units' }),
  currency: Type.String({ pattern: '^[A-Z]{3,4}$' }),
};

const Token = Type.String({ minLength: 1, maxLength: 200 });
// What there is of them is the business of real providers.
const InstrumentType = Type.String({ pattern: '^[a-z][a-z0-9_]{0,49}$' });

/** Body of POST /charges. */
export const ChargeBody = body({ ...order, source: body({ type: InstrumentType, token: Token }) });

/** Body of POST /payouts. Either a token or an IBAN. */
export const PayoutBody = body({
  ...order,
  destination: Type.Union([
    body({ type: InstrumentType, token: Token }),
    body({ type: InstrumentType, iban: Type.String({ pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' }) }),
  ]),
});

/** Query of both lookups. */
export const ReferenceQuery = body({ reference: Reference });

const Failure = Type.Object({ code: Type.String(), message: Type.String() });

/** Every refusal. */
export const Refused = Type.Object({ error: Failure });

/** Answer to a new charge or payout. */
export const Accepted = Type.Object({ id: Type.String(), status: Type.Literal('pending') });

/** A charge or payout as it stands now. */
export const Found = Type.Object({
  id: Type.String(),
  reference: Type.String(),
  amount: Type.String(),
  currency: Type.String(),
  status: Type.Union([Type.Literal('pending'), Type.Literal('succeeded'), Type.Literal('failed')]),
  failure: Type.Optional(Failure),
  createdAt: Type.String(),
});
