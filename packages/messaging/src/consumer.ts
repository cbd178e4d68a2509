import { type CloudEvent, EventDataError, type QueueName } from '@florin/contracts';
import { type Database, inTransaction, takeFresh } from '@florin/database';
import type { Logger } from 'pino';
import { isDatabaseAway, untilDatabaseAnswers } from './database-away.ts';
import { consumeLag, eventsConsumed } from './metrics.ts';
import { describeFailure } from './retry-policy.ts';
import type { Subscription } from './subscription.ts';
import { traceProcess } from './tracing.ts';
import type { Closable, ConsumeOptions, Delivery, Settlement, Transport } from './transport.ts';

/** What a service's consumers need. */
export interface SubscriptionsOptions<Tables> extends ConsumeOptions {
  transport: Transport;
  /** The service's database, with the table `inbox`. */
  db: Database<Tables>;
  subscriptions: readonly Subscription<Tables>[];
  logger: Logger;
}

interface Reader<Tables> {
  queue: QueueName;
  db: Database<Tables>;
  byType: ReadonlyMap<string, Subscription<Tables>>;
  logger: Logger;
  closing: AbortSignal;
}

const done: Settlement = { outcome: 'done' };

/**
 * Reads every queue that has a subscription. Per batch one transaction: the inbox says which events are fresh, those
 * are handled in order, and only after the commit does the queue forget them. Each event takes effect once per queue.
 * A batch of one type whose effect is repeatable is one statement instead.
 *
 * - A batch that fails is undone and its events are handled one by one: a poisonous event fails alone.
 * - A failing event comes back with growing delay and ends among the dead letters; one whose data does not fit its
 *   schema goes there at once.
 * - While the database is away nothing is counted as a failure: the batch waits.
 */
export function startSubscriptions<Tables>(options: SubscriptionsOptions<Tables>): Closable {
  const abort = new AbortController();
  const queues = [...new Set(options.subscriptions.map((subscription) => subscription.queue))];
  const consumers = queues.map((queue) => {
    const own = options.subscriptions.filter((subscription) => subscription.queue === queue);
    const reader: Reader<Tables> = {
      queue,
      db: options.db,
      byType: new Map(own.map((subscription) => [subscription.type, subscription])),
      logger: options.logger,
      closing: abort.signal,
    };
    return options.transport.consume(queue, options, (batch) => settleBatch(reader, batch));
  });
  return {
    close: async () => {
      abort.abort();
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
  };
}

async function settleBatch<Tables>(reader: Reader<Tables>, batch: readonly Delivery[]): Promise<Settlement[]> {
  const refused = new Map<Delivery, Settlement>();
  const accepted: { delivery: Delivery; event: CloudEvent }[] = [];
  for (const delivery of batch) {
    try {
      accepted.push({ delivery, event: parse(reader, delivery.event) });
    } catch (error) {
      refused.set(delivery, refusal(reader, delivery, error));
    }
  }
  const events = accepted.map(({ event }) => event);
  const outcomes = new Map<Delivery, Settlement>(refused);
  const failure = await attempt(reader, events);
  for (const { delivery, event } of accepted) {
    if (failure === undefined) {
      outcomes.set(delivery, done);
      continue;
    }
    const error = accepted.length === 1 ? failure.error : (await attempt(reader, [event]))?.error;
    outcomes.set(delivery, error === undefined ? done : refusal(reader, delivery, error));
  }
  return batch.map((delivery) => outcomes.get(delivery) ?? done);
}

function parse<Tables>(reader: Reader<Tables>, event: CloudEvent): CloudEvent {
  const subscription = reader.byType.get(event.type);
  if (!subscription) throw new Error(`Nobody here handles ${event.type}`);
  return subscription.parse(event);
}

function refusal<Tables>(reader: Reader<Tables>, delivery: Delivery, error: unknown): Settlement {
  const { event, attempt: number } = delivery;
  const outcome = error instanceof EventDataError ? 'dead' : 'retry';
  const failure = describeFailure(error);
  eventsConsumed.inc({ queue: reader.queue, type: event.type, outcome });
  reader.logger.warn(
    { queue: reader.queue, eventId: event.id, type: event.type, attempt: number, failure },
    'event failed',
  );
  return { outcome, failure };
}

/** Undefined when the events have taken effect, now or before. While the database is away it waits and tries again. */
async function attempt<Tables>(
  reader: Reader<Tables>,
  events: readonly CloudEvent[],
): Promise<{ error: unknown } | undefined> {
  if (events.length === 0) return undefined;
  for (;;) {
    try {
      await traceProcess(reader.queue, events, () => apply(reader, events));
      return undefined;
    } catch (error) {
      if (!isDatabaseAway(error)) return { error };
      reader.logger.warn({ queue: reader.queue, failure: describeFailure(error) }, 'database away, events wait');
      await untilDatabaseAnswers(reader.db, reader.closing);
    }
  }
}

async function apply<Tables>(reader: Reader<Tables>, events: readonly CloudEvent[]): Promise<void> {
  const distinct = firstOfEach(events);
  const runs = runsOfOneType(distinct);
  const [only] = runs.map(([{ type }]) => reader.byType.get(type));
  if (runs.length === 1 && only?.repeatable) {
    await only.handle(reader.db, distinct);
    count(reader.queue, events, new Set(distinct));
    return;
  }
  const fresh = await inTransaction(reader.db, async (tx) => {
    const ids = distinct.map((event) => event.id);
    const freshIds = await takeFresh(tx, reader.queue, ids);
    const chosen = distinct.filter((event) => freshIds.has(event.id));
    for (const run of runsOfOneType(chosen)) {
      await reader.byType.get(run[0].type)?.handle(tx, run);
    }
    return new Set(chosen);
  });
  count(reader.queue, events, fresh);
}

function count(queue: QueueName, events: readonly CloudEvent[], fresh: ReadonlySet<CloudEvent>): void {
  const now = Date.now();
  const lag = consumeLag.labels({ queue });
  const isFresh = (event: CloudEvent) => fresh.has(event);
  for (const [type, ofType] of Map.groupBy(events, (event) => event.type)) {
    const done = ofType.filter(isFresh);
    const duplicates = ofType.length - done.length;
    if (done.length > 0) eventsConsumed.inc({ queue, type, outcome: 'done' }, done.length);
    if (duplicates > 0) eventsConsumed.inc({ queue, type, outcome: 'duplicate' }, duplicates);
    for (const event of done) lag.observe(Math.max(0, now - Date.parse(event.time)) / 1_000);
  }
}

/** The same event may be in a batch twice. */
function firstOfEach(events: readonly CloudEvent[]): CloudEvent[] {
  const seen = new Set<string>();
  return events.filter((event) => !seen.has(event.id) && seen.add(event.id));
}

function runsOfOneType(events: readonly CloudEvent[]): [CloudEvent, ...CloudEvent[]][] {
  const runs: [CloudEvent, ...CloudEvent[]][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run && run[0].type === event.type) run.push(event);
    else runs.push([event]);
  }
  return runs;
}
