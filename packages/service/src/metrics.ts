import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Histogram, register } from 'prom-client';
import { measureEventLoopDelay } from './event-loop-delay.ts';

const durationName = 'http_request_duration_seconds';

function durationHistogram(): Histogram<'method' | 'route' | 'status'> {
  const existing = register.getSingleMetric(durationName);
  if (existing instanceof Histogram) return existing;
  return new Histogram({
    name: durationName,
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
}

/** Everything in the process's default registry, in the Prometheus text format, with its media type. */
export async function metricsText(): Promise<{ contentType: string; text: string }> {
  return { contentType: register.contentType, text: await register.metrics() };
}

/** Processor, memory and event loop. */
function installProcessMetrics(): void {
  // As seldom as can be: what it measures by timer is replaced.
  collectDefaultMetrics({ eventLoopMonitoringPrecision: 60_000 });
  measureEventLoopDelay();
}

/** Measures every request by route pattern, never by path; `/metrics` shows it unless `route` is false. */
export function installMetrics(app: FastifyInstance, options: { route: boolean }): void {
  if (!register.getSingleMetric('process_cpu_user_seconds_total')) installProcessMetrics();
  const duration = durationHistogram();
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  if (!options.route) return;
  app.get(
    '/metrics',
    { config: { operational: true }, schema: { hide: true }, logLevel: 'warn' },
    async (_request, reply) => {
      const { contentType, text } = await metricsText();
      return reply.header('Content-Type', contentType).send(text);
    },
  );
}
