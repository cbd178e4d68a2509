import { Counter, Gauge, Histogram } from 'prom-client';

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Commands that were committed together. */
export const batchSize = new Histogram({
  name: 'ledger_batch_size',
  help: 'Commands committed together in one batch',
  buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
});

/** From the first statement of a batch to its commit, retries included. */
export const batchSeconds = new Histogram({
  name: 'ledger_batch_seconds',
  help: 'From the first statement of a batch to the end of its commit, retries included',
  buckets: seconds,
});

/** The wait for the locks, with the round trip. */
export const lockSeconds = new Histogram({
  name: 'ledger_lock_seconds',
  help: 'Until the accounts of a batch were locked and read, with the round trip',
  buckets: seconds,
});

/** From submit to the start of the command's batch. */
export const waitSeconds = new Histogram({
  name: 'ledger_wait_seconds',
  help: 'How long commands waited for a batch',
  buckets: seconds,
});

const queues = new Set<() => number>();

/** Shows the length of an engine's queue from now on; the function it gives ends that. It is asked when somebody looks. */
export function watchQueue(length: () => number): () => void {
  queues.add(length);
  return () => queues.delete(length);
}

new Gauge({
  name: 'ledger_queue_depth',
  help: 'Commands waiting for a batch',
  collect() {
    this.set([...queues].reduce((sum, length) => sum + length(), 0));
  },
});

const answered = new Map<string, Map<string, number>>();

/**
 * Counts an answered command. `outcome`: applied, refused (a money rule), replayed, failed (404, reused key or a bug),
 * unavailable (not run), unknown (the commit's fate could not be found out in time). The metric takes it over when somebody looks.
 */
export function countCommand(kind: string, outcome: string): void {
  const outcomes = answered.get(kind) ?? new Map<string, number>();
  if (outcomes.size === 0) answered.set(kind, outcomes);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

new Counter({
  name: 'ledger_commands_total',
  help: 'Commands answered',
  labelNames: ['kind', 'outcome'],
  collect() {
    for (const [kind, outcomes] of answered) {
      for (const [outcome, count] of outcomes) this.inc({ kind, outcome }, count);
      outcomes.clear();
    }
  },
});

/** reason: conflict, away, unknown, split. */
export const batchRetries = new Counter({
  name: 'ledger_batch_retries_total',
  help: 'Batches run again',
  labelNames: ['reason'],
});
