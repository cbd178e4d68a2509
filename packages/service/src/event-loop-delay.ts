import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, register } from 'prom-client';

const name = 'nodejs_eventloop_delay_seconds';
const quantiles = [0.5, 0.9, 0.99, 1];
/** prom-client's measures of the same, by timers; what they show includes the timer's own interval. */
const byTimer = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (kind) => `nodejs_eventloop_lag_${kind}_seconds`,
);

/**
 * Shows how long the turns of the event loop have kept others waiting since the last look, in seconds by quantile; 1 is the
 * longest. Taken in each turn: an idle process sleeps, where a timer would wake it up a hundred times a second.
 */
export function measureEventLoopDelay(): void {
  for (const metric of byTimer) register.removeSingleMetric(metric);
  const delays = monitorEventLoopDelay({ samplePerIteration: true });
  delays.enable();
  new Gauge({
    name,
    help: 'How long turns of the event loop have kept others waiting since the last look, by quantile',
    labelNames: ['quantile'],
    collect() {
      // Nothing has waited where there was no turn.
      for (const quantile of quantiles) {
        this.set({ quantile }, delays.count === 0 ? 0 : delays.percentile(quantile * 100) / 1e9);
      }
      delays.reset();
    },
  });
}
