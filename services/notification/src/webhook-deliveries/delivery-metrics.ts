import { Counter, Gauge, Histogram } from 'prom-client';

/** Attempts by what came of them: `delivered`, `answered` with another status, or why there was no answer. */
export const webhookAttempts = new Counter({
  name: 'webhook_attempts_total',
  help: 'Requests to customers’ webhook endpoints, by outcome',
  labelNames: ['outcome'],
});

/** From the look-up of the name to the answer. */
export const webhookAttemptSeconds = new Histogram({
  name: 'webhook_attempt_seconds',
  help: 'Time of a request to a customer’s webhook endpoint',
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** Endpoints by why they were disabled; not by their owners. */
export const webhookEndpointsDisabled = new Counter({
  name: 'webhook_endpoints_disabled_total',
  help: 'Webhook endpoints that were disabled because they fail or are gone',
  labelNames: ['reason'],
});

/** All replicas tell the same number. */
export const webhooksPending = new Gauge({
  name: 'webhook_deliveries_pending',
  help: 'Webhooks that wait to be delivered or tried again, up to 100,000',
});

/** Grows where we don't get to sending; endpoints that fail rest and are not due meanwhile. */
export const webhooksOldestDueSeconds = new Gauge({
  name: 'webhook_oldest_due_seconds',
  help: 'For how long the webhook endpoint that waits for longest has been due',
});
