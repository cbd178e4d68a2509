import { body, idSchema } from '@florin/service';
import Type from 'typebox';
import { webhookTypes } from '../webhook-events/webhook-event.ts';

/** Tags of all routes about webhooks. */
export const tags = ['webhooks'];
/** Who may call them. */
export const config = { access: { scopes: ['webhooks:manage' as const] } };

const time = Type.String({ format: 'date-time' });
const maybeTime = Type.Union([time, Type.Null()]);
const url = Type.String({
  minLength: 1,
  maxLength: 2_048,
  pattern: '^[A-Za-z][A-Za-z0-9+.-]*:\\S+$',
  description: 'https, to a server of the public internet, without user and password',
});
const events = Type.Array(Type.Enum([...webhookTypes, '*']), {
  minItems: 1,
  uniqueItems: true,
  description: '`["*"]`: all, those of later releases too',
});
const description = Type.Union([Type.String({ maxLength: 200 }), Type.Null()]);
const status = Type.Enum(['enabled', 'disabled']);

/** What a new endpoint is made from. */
export const orderSchema = body({ url, events, description: Type.Optional(description) });

/** What of an endpoint can be changed. */
export const changeSchema = body({
  url: Type.Optional(url),
  events: Type.Optional(events),
  status: Type.Optional(status),
  description: Type.Optional(description),
});

/** An endpoint in answers. */
export const endpointSchema = Type.Object({
  id: idSchema('whe'),
  url: Type.String(),
  events: Type.Array(Type.String()),
  description,
  status,
  disabledFor: Type.Union([Type.Enum(['owner', 'failing', 'gone']), Type.Null()], {
    description: 'Why it is disabled: wanted so, nothing but failures for three days, or answered 410',
  }),
  failingSince: Type.Union([time, Type.Null()], { description: 'The first failure since the last success' }),
  createdAt: time,
});

/** An endpoint with its secret, which is shown this once. */
export const newEndpointSchema = Type.Object({
  ...endpointSchema.properties,
  secret: Type.String({ description: '`whsec_…`: verifies signatures, by Standard Webhooks' }),
});

/** As `newEndpointSchema`, after a rotation. */
export const rotatedSchema = Type.Object({
  ...newEndpointSchema.properties,
  previousSecretUntil: Type.String({ format: 'date-time', description: 'Until then the old secret signs too' }),
});

const bound = Type.Union([time, idSchema('evt')], { description: 'A time, or the id of an event; included' });

/** What is sent again. */
export const rangeSchema = body({ from: bound, to: bound });

/** What comes of a replay. */
export const replaySchema = Type.Object({
  endpoint: idSchema('whe'),
  events: Type.Integer({ description: 'How many are sent again' }),
  continueFrom: Type.Union([idSchema('evt'), Type.Null()], {
    description: '`from` of a further call; null: that was all',
  }),
});

/** A delivery in answers. */
export const deliverySchema = Type.Object({
  id: idSchema('whd'),
  endpoint: idSchema('whe'),
  event: Type.String({ description: '`evt_…`: the `webhook-id` of every attempt' }),
  type: Type.String(),
  status: Type.Enum(['pending', 'succeeded', 'failed']),
  attemptCount: Type.Integer(),
  attempts: Type.Array(
    Type.Object({
      number: Type.Integer({ minimum: 1 }),
      at: time,
      status: Type.Union([Type.Integer(), Type.Null()], { description: 'null: there was no answer' }),
      error: Type.Union([Type.String(), Type.Null()], {
        description: 'Why: refused, name_unknown, timeout, tls, connection, unsigned',
      }),
      latencyMs: Type.Integer(),
      answer: Type.Union([Type.String(), Type.Null()], { description: 'The first 1 KiB of its body' }),
    }),
    { description: 'The last 50, oldest first' },
  ),
  nextAttemptAt: maybeTime,
  createdAt: time,
});
