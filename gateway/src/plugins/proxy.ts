import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { forward } from '../proxy/forward.ts';
import { Guard } from '../proxy/guard.ts';
import { type Instance, Instances } from '../proxy/instances.ts';
import { isReady } from '../proxy/probe.ts';
import type { GatewayRoute } from '../routes.ts';
import { type UpstreamName, type UpstreamUrls, upstreams } from '../upstreams.ts';

export interface ProxyOptions {
  readonly routes: readonly GatewayRoute[];
  readonly upstreamUrls: UpstreamUrls;
  /** Exchanges under way per instance of a service at most. */
  readonly connections: number;
}

/** Bytes of a request body, unless the route says otherwise. */
export const defaultBodyLimit = 64 * 1024;
const connectTimeoutMs = 1_000;
const probeMs = 1_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    gatewayRoute?: GatewayRoute;
  }
}

/** `/v1/accounts/{id}` as the router writes it: `/v1/accounts/:id`. */
export function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

/** Registers a route for every row of the table; each instance of a service has its own connections, bound and breaker. */
export async function proxy(app: FastifyInstance, options: ProxyOptions): Promise<void> {
  // Bodies are read whole (they are small and bounded) and forwarded byte for byte: a slow or broken upload then costs
  // the service no connection, and a body over the limit never reaches it.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  for (const upstream of new Set(options.routes.map((route) => route.upstream))) {
    await app.register(async (scope) => proxyUpstream(scope, upstream, options));
  }
}

async function proxyUpstream(scope: FastifyInstance, upstream: UpstreamName, options: ProxyOptions): Promise<void> {
  const instances = watchInstances(scope, upstream, options);
  await scope.register(httpClient, clientOptions(options.connections));
  for (const route of options.routes.filter((row) => row.upstream === upstream)) {
    const target = { instances, deadlineMs: route.deadlineMs ?? upstreams[upstream].deadlineMs };
    scope.route({
      method: route.method,
      url: routerPath(route.path),
      bodyLimit: route.bodyLimit ?? defaultBodyLimit,
      // What an API key may not do is for the service to say.
      config: { access: route.access === 'public' ? 'public' : { apiKeys: true }, gatewayRoute: route },
      handler: (request, reply) => forward(request, reply, target),
    });
  }
}

/** Probes run from the moment the app is ready until it closes. */
function watchInstances(scope: FastifyInstance, upstream: UpstreamName, options: ProxyOptions): Instances {
  const [first, ...others] = options.upstreamUrls[upstream];
  const instance = (url: string): Instance => {
    const address = new URL(url).host;
    return { url, address, guard: new Guard({ upstream, address }, options.connections) };
  };
  const instances = new Instances([instance(first), ...others.map(instance)]);
  let probing: NodeJS.Timeout | undefined;
  scope.addHook('onReady', async () => {
    await instances.refresh(isReady);
    probing = setInterval(() => void instances.refresh(isReady), probeMs);
  });
  scope.addHook('onClose', async () => {
    clearInterval(probing);
    instances.close();
  });
  return instances;
}

// http-proxy would keep `reply.from` to routes of its own; wrapped like this it serves the rows of the table.
const httpClient = fp<FastifyHttpProxyOptions>((instance, options, done) => httpProxy(instance, options, done));

function clientOptions(connections: number): FastifyHttpProxyOptions {
  return {
    // Each request names the instance it goes to.
    upstream: '',
    replyOptions: { getUpstream: () => '' },
    routes: [],
    proxyPayloads: false,
    // A service's 503 is its answer; only the client knows whether asking again is right.
    retryMethods: [],
    disableCache: true,
    disableRequestLogging: true,
    destroyAgent: true,
    undici: {
      connections,
      pipelining: 1,
      // Unless told, any certificate would do.
      connect: { timeout: connectTimeoutMs, rejectUnauthorized: true },
      // A pause in the body is bounded by each request's own timeout, and for streams not at all.
      bodyTimeout: 0,
    },
  };
}
