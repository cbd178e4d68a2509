import { Counter, Gauge, Histogram } from 'prom-client';

/** Payments by what became of them: `pending` when asked for, `posted` or `failed` at the end. */
export const payments = new Counter({
  name: 'payments_total',
  help: 'Payments that reached a status',
  labelNames: ['provider', 'type', 'status'],
});

/** Refreshed every few seconds; all replicas tell the same number. */
export const pendingPayments = new Gauge({ name: 'payments_pending', help: 'Payments without an end yet' });

/** Refreshed with payments_pending. Grows while a provider is away or silent. */
export const oldestPendingSeconds = new Gauge({
  name: 'payments_oldest_pending_seconds',
  help: 'Age of the oldest payment without an end',
});

/** Settled money that could not reach its account and lies in suspense: somebody has to look. */
export const suspended = new Counter({
  name: 'payments_suspended_total',
  help: 'Payments credited to the suspense account because their own could not take them',
  labelNames: ['provider'],
});

/** Reports of a provider that do not fit the payment: somebody has to look. */
export const disputed = new Counter({
  name: 'payments_disputed_total',
  help: 'Reports whose amount, currency or outcome contradicts the payment',
  labelNames: ['provider', 'reason'],
});

/** Calls to providers. `outcome`: accepted, refused, found, absent, unclear. */
export const providerCalls = new Histogram({
  name: 'provider_call_seconds',
  help: 'Calls to payment providers',
  labelNames: ['provider', 'outcome'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3],
});

/** Webhooks by what they did: see WebhookOutcome. */
export const webhooksReceived = new Counter({
  name: 'webhooks_received_total',
  help: 'Webhooks of payment providers',
  labelNames: ['provider', 'outcome'],
});
