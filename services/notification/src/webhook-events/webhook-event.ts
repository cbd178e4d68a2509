import { derivedId } from '../derived-id.ts';

/** What can be subscribed to. `schedule.failed` and `user.login.new_device` are not told of yet. */
export const webhookTypes = [
  ...(['account.opened', 'account.frozen', 'account.unfrozen', 'account.closed'] as const),
  ...(['transaction.posted', 'transaction.failed', 'transaction.reversed'] as const),
  ...(['hold.created', 'hold.captured', 'hold.voided', 'hold.expired'] as const),
  ...(['deposit.settled', 'withdrawal.settled', 'schedule.failed', 'user.login.new_device'] as const),
] as const;

export type WebhookType = (typeof webhookTypes)[number];

/** Of what `POST /v1/webhook-endpoints/{id}/test` sends; nobody subscribes to it. */
export const testType = 'webhook.test';

/** What one person's endpoints are to be told; ids as they are in tables. */
export interface WebhookEvent {
  /** uuid of the `evt_…` */
  readonly id: string;
  /** uuid */
  readonly owner: string;
  readonly type: WebhookType | typeof testType;
  /** uuid of the transaction that it is about, for those who want to know what was told of it. */
  readonly transaction: string | null;
  readonly occurredAt: Date;
  /** The exact body of every request. */
  readonly body: string;
}

/** Something to tell, before anybody knows whether its owner has an endpoint: `data` is made only for those who have. */
export interface WebhookDraft {
  /** `usr_…` */
  readonly owner: string;
  readonly type: WebhookType;
  /** Whether another webhook stands under the event's own id, so that this one needs an id of its own. */
  readonly isSecond?: boolean;
  /** `txn_…` */
  readonly transaction?: string;
  data(): object;
}

/** The id of a webhook of that type about an event, both UUIDs: the event's own, or for a second one one that follows from it. */
export function webhookEventId(event: string, type: WebhookType, isSecond: boolean): string {
  return isSecond ? derivedId(event, type) : event;
}

/** The body of a webhook: `{ "type", "timestamp", "data" }`. */
export function webhookBody(type: WebhookEvent['type'], timestamp: string, data: object): string {
  return JSON.stringify({ type, timestamp, data });
}

/** Whether an endpoint that subscribes to these is told of events of that type. */
export function isSubscribed(events: readonly string[], type: string): boolean {
  return type !== testType && (events.includes('*') || events.includes(type));
}
