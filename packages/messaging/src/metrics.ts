import { Counter, Gauge, Histogram } from 'prom-client';

/** Events in the outbox, not yet published. Only the process whose relay is active shows it. */
export const outboxBacklog = new Gauge({
  name: 'outbox_backlog',
  help: 'Events in the outbox, not yet published (shown by the active relay)',
  labelNames: ['schema'],
});

/** Age of the oldest event in the outbox. */
export const outboxOldestSeconds = new Gauge({
  name: 'outbox_oldest_seconds',
  help: 'Age of the oldest event in the outbox (shown by the active relay)',
  labelNames: ['schema'],
});

/** Events published and deleted from the outbox. */
export const outboxPublished = new Counter({
  name: 'outbox_published_total',
  help: 'Events published and deleted from the outbox',
  labelNames: ['schema'],
});

/** Attempts to publish that failed. */
export const outboxFailures = new Counter({
  name: 'outbox_publish_failures_total',
  help: 'Batches of the outbox that could not be published',
  labelNames: ['schema'],
});

/** Events by what became of them: done, duplicate, retry, dead. */
export const eventsConsumed = new Counter({
  name: 'events_consumed_total',
  help: 'Deliveries by what became of them: done, duplicate, retry or dead',
  labelNames: ['queue', 'type', 'outcome'],
});

/** From the event's time to the commit of its effect. */
export const consumeLag = new Histogram({
  name: 'events_consume_lag_seconds',
  help: "From the event's time to the commit of its effect",
  labelNames: ['queue'],
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600],
});
