import { idSchema } from '@florin/service';
import Type from 'typebox';
import { DeliverySchema } from '../deliveries/delivery-schema.ts';
import { HoldSchema } from '../holds/hold-view.ts';
import { TransactionSchema } from '../transactions/transaction-schema.ts';

const Text = Type.Union([Type.String(), Type.Null()]);
const Time = Type.Union([Type.String({ description: 'RFC 3339, UTC, milliseconds' }), Type.Null()]);

const Step = Type.String({
  enum: ['request', 'posting'],
  description: '`request`: when it was let wait, for an operator or a provider; `posting`: when it was posted',
});

/** A rule with the values that are recorded of it. */
export const RuleSchema = Type.Object({
  rule: Type.String({ enum: ['sufficient_funds', 'fee', 'approval', 'quote'] }),
  step: Step,
  account: Type.Optional(Type.String()),
  values: Type.Record(Type.String(), Type.String()),
});

/** How a transaction came to be. */
export const ExplanationSchema = Type.Object({
  transaction: TransactionSchema,
  initiatedBy: Type.Union([Type.String(), Type.Null()], {
    description: '`usr_…` or `service:<name>`; null for the other side of somebody’s transaction',
  }),
  traceId: Text,
  balances: Type.Array(
    Type.Object({
      account: Type.String(),
      currency: Type.String(),
      before: Type.String(),
      change: Type.String(),
      after: Type.String(),
      version: Type.Integer(),
    }),
    { description: 'What was posted on the caller’s accounts just before and after' },
  ),
  rules: Type.Array(RuleSchema, { description: 'Rules looked at, as far as their values are recorded' }),
  recorded: Type.Boolean({
    description:
      'False where the decision was made before decisions were recorded: `limits` and the settings in `rules` then say nothing',
  }),
  limits: Type.Array(
    Type.Object({
      step: Step,
      account: Type.String(),
      currency: Type.String(),
      perTransaction: Text,
      daily: Text,
      usedToday: Type.String(),
      monthly: Text,
      usedThisMonth: Type.String(),
    }),
    {
      description:
        'Limits that were in force, null where there was none of that kind, and what was used of them before',
    },
  ),
  approvals: Type.Array(
    Type.Object({ askedAt: Type.String(), outcome: Text, decidedBy: Text, reason: Text, decidedAt: Time }),
    { description: '`decidedBy` for staff only; `outcome` null while it waits' },
  ),
  providerCalls: Type.Array(
    Type.Object({
      provider: Type.String(),
      reference: Text,
      status: Type.String(),
      attempts: Type.Integer({ description: 'Tries to submit it and questions about it' }),
      submittedAt: Time,
      updatedAt: Type.String(),
      failure: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
    }),
  ),
  hold: Type.Optional(HoldSchema),
  reversals: Type.Array(idSchema('txn')),
  events: Type.Array(Type.Object({ type: Type.String(), time: Time }), {
    description: 'Published about it',
  }),
  deliveries: Type.Union([Type.Array(DeliverySchema), Type.Null()], {
    description:
      'What became of its events at the caller’s webhook endpoints, for staff at everybody’s: 100 at most, the oldest first. Null where that could not be found out in time: ask again',
  }),
  seal: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Number of the seal that covers it; null until then',
  }),
});
