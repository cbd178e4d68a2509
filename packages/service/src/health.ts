import type { FastifyInstance } from 'fastify';
import { deadline } from './deadline.ts';

/** Something that must work for the process to be of use: resolves when it does, throws otherwise. */
export type ReadinessCheck = () => Promise<void>;

const draining = new WeakSet<object>();
const checkDeadlineMs = 1000;

/** From now on readiness answers 503 and every answer asks the client to close its connection. */
export function beginDraining(app: FastifyInstance): void {
  draining.add(app.server);
}

/** Whether the process is on its way out. */
export function isDraining(app: FastifyInstance): boolean {
  return draining.has(app.server);
}

async function runCheck(check: ReadinessCheck): Promise<'ok' | 'failed'> {
  try {
    await deadline(check(), checkDeadlineMs);
    return 'ok';
  } catch {
    return 'failed';
  }
}

/** GET /health/live and /health/ready. Each readiness check has one second. */
export function installHealth(app: FastifyInstance, readiness: Record<string, ReadinessCheck>): void {
  const route = { config: { operational: true }, schema: { hide: true }, logLevel: 'warn' } as const;
  app.get('/health/live', route, async () => ({ status: 'ok' }));
  app.get('/health/ready', route, async (_request, reply) => {
    const results = await Promise.all(
      Object.entries(readiness).map(async ([name, check]) => [name, await runCheck(check)] as const),
    );
    const failed = results.some(([, result]) => result === 'failed');
    const status = isDraining(app) ? 'draining' : failed ? 'unavailable' : 'ok';
    if (status !== 'ok') reply.code(503).header('Retry-After', '1');
    return { status, checks: Object.fromEntries(results) };
  });
}
