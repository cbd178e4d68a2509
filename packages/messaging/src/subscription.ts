import type { CloudEvent, EventDefinition, QueueName } from '@florin/contracts';
import type { Transaction } from '@florin/database';

/** What a service does with the events of one type from one queue. Made by `subscribe`. */
export interface Subscription<Tables> {
  queue: QueueName;
  type: string;
  /** The event with its data checked. @throws EventDataError */
  parse(event: CloudEvent): CloudEvent;
  handle(tx: Transaction<Tables>, events: readonly CloudEvent[]): Promise<void>;
}

/**
 * Says what to do with the events of one type from one queue.
 *
 * `handle` makes the effect of several events, in order, inside the transaction that records them as received: each
 * event takes effect once. It may touch nothing but the database, since the transaction may run again. A throw undoes
 * the batch; its events are then handled one by one, so that only the wrong one is retried and at last given up.
 */
export function subscribe<Tables, Data>(
  definition: EventDefinition<Data>,
  queue: QueueName,
  handle: (tx: Transaction<Tables>, events: readonly CloudEvent<Data>[]) => Promise<void>,
): Subscription<Tables> {
  return {
    queue,
    type: definition.type,
    parse: (event) => {
      const data = definition.parse(event.data);
      return data === event.data ? event : { ...event, data };
    },
    // Only events that went through `parse` get here.
    handle: (tx, events) => handle(tx, events as readonly CloudEvent<Data>[]),
  };
}
