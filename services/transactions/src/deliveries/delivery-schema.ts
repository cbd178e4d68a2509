import { idSchema } from '@florin/service';
import Type, { type Static } from 'typebox';

const instant = Type.String({ format: 'date-time' });

/** What became of an event at one webhook endpoint: as notification says it, and as `explain` passes it on. */
export const DeliverySchema = Type.Object({
  id: idSchema('whd'),
  endpoint: idSchema('whe'),
  event: idSchema('evt'),
  type: Type.String({ description: 'As in the body of the webhook: `transaction.posted`' }),
  status: Type.String({ enum: ['pending', 'succeeded', 'failed'] }),
  attempts: Type.Integer({ minimum: 0 }),
  lastStatus: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Of the newest answer; null before any, and where none came',
  }),
  createdAt: instant,
  lastAttemptAt: Type.Union([instant, Type.Null()]),
});

export type Delivery = Static<typeof DeliverySchema>;
