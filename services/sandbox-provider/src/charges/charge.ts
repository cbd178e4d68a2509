import type { Behaviour, EventName } from './behaviours.ts';

/** A charge takes money from a card or account, a payout gives it to one. */
export type ChargeKind = 'charge' | 'payout';

/** A charge or payout as a client asks for it. `amount` is whole minor units of `currency`, as text. */
export interface ChargeRequest {
  kind: ChargeKind;
  reference: string;
  amount: string;
  currency: string;
  /** Where the money comes from, or goes to; `token` may be an IBAN for a payout. */
  source: { type: string; token: string };
}

/** One webhook that follows from a new charge, before it has a row. */
export interface NewCallback {
  eventId: string;
  /** Such as `charge.succeeded`. */
  eventType: string;
  forged: boolean;
  payload: string;
  afterMs: number;
}

/**
 * The webhooks of a new charge, in the order of their sending.
 * A repeat tells the same event, so it carries the same id and the same bytes; a receiver knows it by its `webhook-id`.
 */
export function callbacksOf(
  charge: { id: string; request: ChargeRequest; behaviour: Behaviour },
  newEventId: () => string,
  now: Date,
): NewCallback[] {
  const { behaviour, request } = charge;
  const { outcome } = behaviour;
  const eventIds = new Map<EventName, string>();
  return behaviour.callbacks.map(({ event, afterMs, forged }) => {
    const eventId = eventIds.get(event) ?? newEventId();
    eventIds.set(event, eventId);
    const payload = JSON.stringify({
      id: eventId,
      type: `${request.kind}.${event}`,
      createdAt: now.toISOString(),
      data: {
        id: charge.id,
        reference: request.reference,
        amount: request.amount,
        currency: request.currency,
        status: event,
        ...(event === 'failed' && outcome !== 'succeeded' && { failure: outcome }),
      },
    });
    return { eventId, eventType: `${request.kind}.${event}`, forged: forged === true, payload, afterMs };
  });
}
