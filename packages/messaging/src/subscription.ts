import type { CloudEvent, EventDefinition, QueueName } from '@florin/contracts';
import type { Database, Transaction } from '@florin/database';

/** What a service does with the events of one type from one queue. Made by `subscribe` or `project`. */
export interface Subscription<Tables> {
  queue: QueueName;
  type: string;
  /** Whether repeats have no effect by themselves, so that nobody needs to remember which events have been received. */
  repeatable: boolean;
  /** The event with its data checked. @throws EventDataError */
  parse(event: CloudEvent): CloudEvent;
  /** In the transaction that records the events as received; a repeatable effect also without one. */
  handle(db: Database<Tables>, events: readonly CloudEvent[]): Promise<void>;
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
    repeatable: false,
    parse: (event) => parseData(definition, event),
    // Only events that went through `parse` get here.
    handle: (tx, events) => handle(tx as Transaction<Tables>, events as readonly CloudEvent<Data>[]),
  };
}

/**
 * As `subscribe`, for an effect that is the same however often and in whatever order its events come: rows whose key follows
 * from the event, or that take over only what is newer. `write` makes it in statements of which each may be all that came about,
 * mostly one: the inbox and a transaction around them would add nothing but their cost.
 */
export function project<Tables, Data>(
  definition: EventDefinition<Data>,
  queue: QueueName,
  write: (db: Database<Tables>, events: readonly CloudEvent<Data>[]) => Promise<void>,
): Subscription<Tables> {
  return {
    queue,
    type: definition.type,
    repeatable: true,
    parse: (event) => parseData(definition, event),
    handle: (db, events) => write(db, events as readonly CloudEvent<Data>[]),
  };
}

function parseData(definition: EventDefinition, event: CloudEvent): CloudEvent {
  const data = definition.parse(event.data);
  return data === event.data ? event : { ...event, data };
}
