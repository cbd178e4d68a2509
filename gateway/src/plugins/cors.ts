import corsPlugin, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

export interface CorsOptions {
  /** Such as `https://app.example`; none: no page of another origin may read an answer. */
  readonly origins: readonly string[];
}

const shared: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-Request-Id', 'traceparent'],
  exposedHeaders: ['Idempotent-Replayed', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'],
  maxAge: 600,
};

/**
 * Lets pages of the listed origins call the API, with tokens that they hold themselves: cookies are never asked for.
 * Register it before whatever may refuse a request, so that pages can read refusals too.
 */
export const cors = fp(
  async (app: FastifyInstance, { origins }: CorsOptions) => {
    if (origins.length === 0) return;
    await app.register(corsPlugin, {
      delegator: (request: FastifyRequest, done: (error: Error | null, options: FastifyCorsOptions) => void) => {
        const { origin, 'access-control-request-method': asked } = request.headers;
        if (origin === undefined || !origins.includes(origin)) done(null, { origin: false });
        else done(null, { ...shared, origin, preflight: asked !== undefined });
      },
    });
  },
  { name: 'florin-cors' },
);
