import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import { isApiKey } from '@florin/auth';
import { problem } from '@florin/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { LimitPolicy } from '../config.ts';
import type { LimitStore } from '../limits/limit-store.ts';
import type { LimitClass } from '../routes.ts';

/** One limit per class of route, and where requests are counted. */
export interface RateLimitOptions {
  readonly limits: Readonly<Record<LimitClass, LimitPolicy>>;
  readonly store: LimitStore;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Counts the request for its caller: the user or API key once the token is verified, the address before (an IPv6 network of
     * /64 is one caller). Sets RateLimit and RateLimit-Policy; throws rate_limited (429) beyond the limit.
     */
    countRequest(request: FastifyRequest, reply: FastifyReply, limitClass: LimitClass): Promise<void>;
  }
}

function caller(request: FastifyRequest): string {
  const { principal } = request;
  if (principal?.kind !== 'user') return normalizeIP(request.ip, 64);
  return isApiKey(principal) ? principal.sessionId : principal.id;
}

type Limiter = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

// Header fields as in draft-ietf-httpapi-ratelimit-headers: structured fields, the policy named by its class.
function limiter(app: FastifyInstance, limitClass: LimitClass, { max, windowSeconds }: LimitPolicy): Limiter {
  const count = app.createRateLimit({
    max,
    timeWindow: windowSeconds * 1000,
    keyGenerator: (request) => `${limitClass}:${caller(request)}`,
  });
  return async (request, reply) => {
    const usage = await count(request);
    if (usage.isAllowed) return;
    reply.header('RateLimit-Policy', `"${limitClass}";q=${max};w=${windowSeconds}`);
    reply.header('RateLimit', `"${limitClass}";r=${usage.remaining};t=${usage.ttlInSeconds}`);
    if (!usage.isExceeded) return;
    throw problem('rate_limited', `At most ${max} requests of this kind are taken in ${windowSeconds} s.`, {
      retryAfterSeconds: Math.max(1, usage.ttlInSeconds),
    });
  };
}

/** Decorates the app with `countRequest`; counts nothing by itself. */
export const rateLimits = fp(
  async (app: FastifyInstance, options: RateLimitOptions) => {
    class Store implements LimitStore {
      incr: LimitStore['incr'] = (...args) => options.store.incr(...args);
      child() {
        return this;
      }
    }
    await app.register(rateLimit, { global: false, store: Store });
    const limiters: Record<LimitClass, Limiter> = {
      'public-auth': limiter(app, 'public-auth', options.limits['public-auth']),
      webhook: limiter(app, 'webhook', options.limits.webhook),
      read: limiter(app, 'read', options.limits.read),
      write: limiter(app, 'write', options.limits.write),
    };
    app.decorate('countRequest', (request: FastifyRequest, reply: FastifyReply, limitClass: LimitClass) =>
      limiters[limitClass](request, reply),
    );
  },
  { name: 'florin-rate-limits' },
);
