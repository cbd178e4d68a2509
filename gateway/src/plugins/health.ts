import type { FastifyInstance } from 'fastify';
import { isReady } from '../proxy/probe.ts';
import { type UpstreamName, type UpstreamUrls, upstreamNames } from '../upstreams.ts';

export interface HealthOptions {
  readonly upstreamUrls: UpstreamUrls;
}

type State = 'up' | 'down';
type Report = Readonly<Record<UpstreamName, State>>;

/** A report is shared by all who ask within this time, so that asking the gateway does not drive the services. */
const reportMaxAgeMs = 1_000;

async function stateOf(urls: readonly string[]): Promise<State> {
  const ready = await Promise.all(urls.map(isReady));
  return ready.includes(true) ? 'up' : 'down';
}

/** GET /health: 200 when every service has a ready instance, else 503, with the state of each. */
export async function health(app: FastifyInstance, options: HealthOptions): Promise<void> {
  let report: Promise<Report> | undefined;
  let reportedAt = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<Report> {
    const states = upstreamNames.map(async (name) => [name, await stateOf(options.upstreamUrls[name])] as const);
    return Object.fromEntries(await Promise.all(states)) as Report;
  }

  app.get(
    '/health',
    { config: { access: 'public' }, schema: { hide: true }, logLevel: 'warn' },
    async (_request, reply) => {
      if (report === undefined || performance.now() - reportedAt > reportMaxAgeMs) {
        reportedAt = performance.now();
        report = ask();
      }
      const services = await report;
      const allUp = Object.values(services).every((state) => state === 'up');
      if (!allUp) reply.code(503).header('Retry-After', '1');
      return { status: allUp ? 'ok' : 'degraded', services };
    },
  );
}
