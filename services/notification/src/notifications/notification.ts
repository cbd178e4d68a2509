import { hash } from 'node:crypto';

/** What happened, in the words that webhooks use too. */
export const topics = [
  'account.opened',
  'account.frozen',
  'account.unfrozen',
  'account.closed',
  'transaction.posted',
  'transaction.failed',
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
  /** Ids for a program that shows the notice: `account`, `transaction`. */
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

/**
 * The id of what a person is told of an event, both UUIDs: one for each of the two, so that it cannot be told twice. It begins
 * with the event's time and count, so that notices are in the order of events; the rest is a hash.
 */
export function notificationId(event: string, user: string): string {
  const digits = hash('sha256', `${event} ${user}`);
  return `${event.slice(0, 19)}8${digits.slice(0, 3)}-${digits.slice(3, 15)}`;
}
