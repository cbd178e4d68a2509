import { formatId } from '@florin/service';

/** How a delivery stands. */
export type DeliveryStatus = 'pending' | 'succeeded' | 'failed';

/** An event on its way to an endpoint, with what has been tried; ids as UUIDs. */
export interface Delivery {
  id: string;
  endpointId: string;
  eventId: string;
  type: string;
  status: DeliveryStatus;
  /** All that were made; `attempts` shows the last ones. */
  attemptCount: number;
  nextAttemptAt: Date | null;
  createdAt: Date;
  attempts: Attempt[];
}

/** One attempt. */
export interface Attempt {
  number: number;
  at: Date;
  status: number | null;
  error: string | null;
  latencyMs: number;
  answer: string | null;
}

/** How many attempts of a delivery are kept: all of a round and more. */
export const mostAttempts = 50;

/** The delivery as its owner sees it. */
export function viewDelivery({ id, endpointId, eventId, type, status, nextAttemptAt, ...rest }: Delivery) {
  const { attempts, attemptCount, createdAt } = rest;
  return {
    id: formatId('whd', id),
    endpoint: formatId('whe', endpointId),
    event: formatId('evt', eventId),
    ...{ type, status, attemptCount },
    attempts: attempts.map(({ at, ...attempt }) => ({ ...attempt, at: at.toISOString() })),
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
