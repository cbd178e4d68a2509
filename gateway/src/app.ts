import type { KeySource } from '@florin/auth';
import { createServer, problem, type ReadinessCheck, type Server, sendProblem, toProblem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import type { ApiKeys } from './api-keys/api-keys.ts';
import type { Config } from './config.ts';
import type { LimitStore } from './limits/limit-store.ts';
import { accessTokens } from './plugins/access-token.ts';
import { addressLists } from './plugins/address-lists.ts';
import { apiKeyTokens } from './plugins/api-key-tokens.ts';
import { compression } from './plugins/compression.ts';
import { cors } from './plugins/cors.ts';
import { docs } from './plugins/docs.ts';
import { health } from './plugins/health.ts';
import { pathHygiene } from './plugins/path-hygiene.ts';
import { proxy } from './plugins/proxy.ts';
import { rateLimits } from './plugins/rate-limit.ts';
import { securityHeaders } from './plugins/security-headers.ts';
import { seenSignOuts } from './plugins/seen-sign-outs.ts';
import type { RevokedSessions } from './revoked-sessions.ts';
import { type GatewayRoute, routes } from './routes.ts';

type ServerLogger = Parameters<typeof createServer>[0]['logger'];

/** What the gateway is built from. */
export interface GatewayDependencies {
  readonly config: Omit<Config, 'listen' | 'logLevel' | 'shutdownGraceMs' | 'serviceClientSecret' | 'bus' | 'redisUrl'>;
  readonly logger: ServerLogger;
  readonly keys: KeySource;
  readonly revoked: RevokedSessions;
  readonly apiKeys: ApiKeys;
  readonly limitStore: LimitStore;
  /** The OpenAPI document of all services, as JSON text. */
  readonly openapi: string;
  /** The route table unless told. */
  readonly routes?: readonly GatewayRoute[];
}

/** Builds the gateway: no environment, no listening. */
export async function buildApp(dependencies: GatewayDependencies): Promise<Server> {
  const { config, revoked } = dependencies;
  const revocations: ReadinessCheck = async () => {
    if (!revoked.loaded) throw new Error('the list of revoked sessions has not been loaded');
  };
  const app = createServer({
    name: 'gateway',
    logger: dependencies.logger,
    readiness: { revocations },
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    metricsRoute: false,
    openapiRoute: false,
    logEveryRequest: true,
    headers: await securityHeaders(),
  });
  // In this order: pages can read every refusal, and nothing else reads a request that can be read in two ways.
  await app.register(cors, { origins: config.corsOrigins });
  await app.register(pathHygiene);
  await app.register(addressLists, { allowed: config.allowedAddresses, denied: config.deniedAddresses });
  await app.register(compression);
  await app.register(health, config);
  await app.register(docs, dependencies);
  await app.register(async (scope) => publicRoutes(scope, dependencies));
  return app;
}

async function publicRoutes(scope: FastifyInstance, dependencies: GatewayDependencies): Promise<void> {
  const { config, keys, revoked } = dependencies;
  scope.addHook('onRequest', ({ params }, _reply, done) => {
    // The router takes the end of `/v1/accounts/` for an account whose id is empty.
    const isEmpty = Object.values(params as object).includes('');
    done(isEmpty ? problem('not_found', 'There is nothing here.') : undefined);
  });
  apiKeyTokens(scope, dependencies.apiKeys);
  accessTokens(scope, { keys, issuer: config.tokenIssuer, revoked });
  seenSignOuts(scope, revoked);
  if (config.limits !== undefined) await limitRequests(scope, config.limits, dependencies.limitStore);
  await proxy(scope, {
    routes: dependencies.routes ?? routes,
    upstreamUrls: config.upstreamUrls,
    connections: config.upstreamConnections,
  });
}

/**
 * Counts after the token is verified, so for its user; a request that is refused before that counts too, for its address where
 * its token was refused.
 */
async function limitRequests(
  scope: FastifyInstance,
  limits: NonNullable<Config['limits']>,
  store: LimitStore,
): Promise<void> {
  await scope.register(rateLimits, { limits, store });
  scope.addHook('onRequest', (request, reply) => {
    const route = request.routeOptions.config.gatewayRoute;
    return route === undefined ? Promise.resolve() : scope.countRequest(request, reply, route.limit);
  });
  scope.setErrorHandler(async (error, request, reply) => {
    const route = request.routeOptions.config.gatewayRoute;
    let refusal: unknown = error;
    const isCounted = reply.hasHeader('RateLimit-Policy');
    if (route !== undefined && !isCounted && [401, 403].includes(toProblem(error).statusCode)) {
      await scope.countRequest(request, reply, route.limit).catch((exceeded: unknown) => {
        refusal = exceeded;
      });
    }
    return sendProblem(refusal, request, reply);
  });
}
