import { derivedId } from '../derived-id.ts';

/** What happened, in the words that webhooks use too where they tell of it. */
export const topics = [
  'account.opened',
  'account.frozen',
  'account.unfrozen',
  'account.closed',
  'transaction.posted',
  'transaction.failed',
  'webhook_endpoint.disabled',
] as const;

export type Topic = (typeof topics)[number];

/** What one person is to be told of one event. */
export interface Notice {
  /** `usr_…` */
  readonly user: string;
  readonly topic: Topic;
  readonly title: string;
  /** Empty where the title says it all. */
  readonly body: string;
  /** Ids for a program that shows the notice: `account`, `transaction`, `endpoint`. */
  readonly data: Readonly<Record<string, string>>;
}

/** A notice as it stands in a person's inbox. */
export interface Notification {
  /** UUIDv7; see `notificationId`. */
  readonly id: string;
  readonly topic: string;
  readonly title: string;
  readonly body: string;
  readonly data: Record<string, unknown>;
  readonly createdAt: Date;
  readonly readAt: Date | null;
}

/** The id of what a person is told of an event, both UUIDs: one for each of the two, so that it cannot be told twice. */
export function notificationId(event: string, user: string): string {
  return derivedId(event, user);
}
