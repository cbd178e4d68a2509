import type { CloudEvent, QueueName } from '@florin/contracts';
import type { Parcel } from './parcel.ts';

/** One event as a queue hands it out. `attempt` is 1 at first and counts the failed attempts before it. */
export interface Delivery {
  event: CloudEvent;
  attempt: number;
}

/**
 * What became of a delivery. `done` removes it; `retry` brings it back after the next delay, or puts it among the dead
 * letters after the last; `dead` does that at once. `failure` is kept with the message: no secrets in it.
 */
export type Settlement = { outcome: 'done' } | { outcome: 'retry' | 'dead'; failure: string };

/** How a queue is read. */
export interface ConsumeOptions {
  /** Deliveries handed out together at most; 100 unless told. Over Postgres it is up to the publisher: 1000 at most. */
  batchSize?: number;
  /** How long a batch that is not full waits for more, in milliseconds; 5 unless told. */
  batchWaitMs?: number;
}

/**
 * Handles a batch, in the order of publishing, and tells what became of each delivery, in the same order. Batches of
 * one consumer come one after the other. Nothing is removed from the queue before this resolves; after a throw the
 * whole batch is handed out again, a second later.
 */
export type BatchHandler = (batch: readonly Delivery[]) => Promise<readonly Settlement[]>;

/** Something that runs until closed. Closing finishes what is under way. */
export interface Closable {
  close(): Promise<void>;
}

/** A message that was given up. */
export interface DeadLetter {
  /** Undefined when the message is no event at all. */
  event: CloudEvent | undefined;
  failure: string;
  /** Attempts before it was given up. */
  attempts: number;
}

/** The dead letters of one queue, for operators. `eventIds` undefined means all. */
export interface DeadLetters {
  /** The oldest first, `limit` at most; they stay where they are. */
  list(limit: number): Promise<DeadLetter[]>;
  /** Puts them back into the queue as if new; returns how many. */
  replay(eventIds?: readonly string[]): Promise<number>;
  /** Throws them away; returns how many. */
  purge(eventIds?: readonly string[]): Promise<number>;
}

/** What a receiver of broadcasts is told. */
export interface BroadcastHandler {
  /** A broadcast event, once per process. Its data is not checked yet: use the definition's `parse`. */
  onEvent(event: CloudEvent): void | Promise<void>;
  /** Broadcasts may have been missed (the connection was away): load the whole state again. Also called at the first connection. */
  onGap?(): void | Promise<void>;
}

/**
 * Carries events between services. Two implementations, RabbitMQ and Postgres, held to one contract test; nobody else
 * can tell them apart. At least once: a repeat has the same event id.
 */
export interface Transport {
  /**
   * Resolves when every event is stored durably in every queue that reads its type. Rejects otherwise, after 5 s at most:
   * then any of them may or may not have arrived, so publish them again. Events published one after the other keep their order.
   * Types that no queue reads go to the broadcast receivers alone.
   */
  publish(parcels: readonly Parcel[]): Promise<void>;
  /** Reads a queue. Several consumers, in any process, share its events. */
  consume(queue: QueueName, options: ConsumeOptions, handle: BatchHandler): Closable;
  /**
   * Receives every event of these types that is published from now on, in every process that asks. Not durable.
   * @throws Error for a type that a durable queue reads
   */
  broadcast(types: readonly string[], handler: BroadcastHandler): Closable;
  deadLetters(queue: QueueName): DeadLetters;
  /** Resolves when the broker answers, rejects otherwise, within a second. */
  check(): Promise<void>;
  /** Closes all consumers, then the connections. */
  close(): Promise<void>;
}
