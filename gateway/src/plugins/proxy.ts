import { isAscii } from 'node:buffer';
import type { Readable } from 'node:stream';
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import { problem } from '@florin/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Guard, NotAskedError, UpstreamFailure } from '../proxy/guard.ts';
import { clientResponseHeaders, upstreamRequestHeaders } from '../proxy/headers.ts';
import { type Instance, Instances } from '../proxy/instances.ts';
import { isReady } from '../proxy/probe.ts';
import type { GatewayRoute } from '../routes.ts';
import { type UpstreamName, type UpstreamUrls, upstreams } from '../upstreams.ts';
import { securityHeaderNames } from './security-headers.ts';

export interface ProxyOptions {
  readonly routes: readonly GatewayRoute[];
  readonly upstreamUrls: UpstreamUrls;
  /** Exchanges under way per instance of a service at most. */
  readonly connections: number;
}

/** Bytes of a request body, unless the route says otherwise. */
export const defaultBodyLimit = 64 * 1024;
const connectTimeoutMs = 1_000;
const wholeAnswerBytes = 64 * 1024;
const retryAfterSeconds = 1;
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
    // A pause in the body is bounded by each request's own timeout, and for streams not at all.
    undici: { connections, pipelining: 1, connect: { timeout: connectTimeoutMs }, bodyTimeout: 0 },
  };
}

interface Target {
  readonly instances: Instances;
  readonly deadlineMs: number;
}

/** One request on its way to one instance. */
interface Exchange {
  readonly instance: Instance;
  readonly deadlineMs: number;
}

async function forward(request: FastifyRequest, reply: FastifyReply, target: Target): Promise<FastifyReply> {
  const { instances, deadlineMs } = target;
  const instance = instances.pick();
  try {
    const leave = instance.guard.enter();
    // Over when the service has answered or failed and the client has all of it or is gone.
    const over = () => (reply.raw.closed ? leave() : reply.raw.once('close', leave));
    await instance.guard.run(() => exchange(request, reply, { instance, deadlineMs })).finally(over);
  } catch (error) {
    if (error instanceof UpstreamFailure && !error.timedOut) instances.lost(instance);
    throw asProblem(error);
  }
  return reply;
}

/** Resolves when the service's headers have come, also when the client has left by then. */
function exchange(request: FastifyRequest, reply: FastifyReply, { instance, deadlineMs }: Exchange): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // The client's own timers are coarse and don't count the wait for a connection: they only clean up after this one.
  const deadline = setTimeout(() => reject(new UpstreamFailure(true)), deadlineMs);
  const body = Buffer.isBuffer(request.body) ? request.body : undefined;
  const [path] = request.url.split('?', 1);
  reply.from(path, {
    ...(request.routeOptions.config.gatewayRoute?.stream ? {} : { timeout: deadlineMs }),
    getUpstream: () => instance.url,
    ...(body === undefined ? {} : { body, contentType: request.headers['content-type'] ?? 'application/octet-stream' }),
    rewriteRequestHeaders: () => requestHeaders(request, instance, body),
    rewriteHeaders: (headers) => {
      resolve();
      return clientResponseHeaders(headers, securityHeaderNames);
    },
    onResponse: (_request, _reply, response) => {
      // Past the deadline the client already has its 504.
      if (reply.sent) response.stream.destroy();
      else sendAnswer(reply, response.stream);
    },
    onError: (_reply, { error }) => reject(failureOf(error)),
  });
  return promise.finally(() => clearTimeout(deadline));
}

/** The body of an answer as undici has it: a stream that also gives its bytes at once. */
interface WholeBody {
  bytes(): Promise<Uint8Array>;
}

function isShort(body: object, reply: FastifyReply): body is WholeBody {
  const length = Number(reply.getHeader('content-length') ?? Number.NaN);
  return length <= wholeAnswerBytes && reply.request.method !== 'HEAD' && 'bytes' in body;
}

/** Short answers of known length go out in one piece, which costs far less than a stream; all others as they come. */
function sendAnswer(reply: FastifyReply, body: Readable): void {
  if (!isShort(body, reply)) {
    reply.send(body);
    return;
  }
  body.bytes().then(
    (bytes) => reply.send(inOnePiece(bytes)),
    // The status that was copied from the service's answer is replaced with the problem's.
    (error: Error) => reply.send(asProblem(failureOf(error))),
  );
}

/** ASCII as text, the same bytes on the wire: Node writes a text together with the headers, a buffer beside them. */
function inOnePiece(bytes: Uint8Array): string | Buffer {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isAscii(buffer) ? buffer.toString('latin1') : buffer;
}

function requestHeaders(request: FastifyRequest, instance: Instance, body: Buffer | undefined): Record<string, string> {
  return upstreamRequestHeaders(request.headers, {
    host: instance.address,
    clientAddress: request.ip,
    requestId: request.id,
    contentLength: body?.byteLength,
    contentType: request.headers['content-type'],
    webhook: request.routeOptions.config.gatewayRoute?.limit === 'webhook',
  });
}

const refusedByClient = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);
const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function failureOf(error: Error): Error {
  const cause: unknown = error.cause ?? error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (refusedByClient.has(code)) return problem('validation_failed', 'The request cannot be forwarded.', { cause });
  return new UpstreamFailure(timeouts.has(code), cause);
}

function asProblem(error: unknown): unknown {
  const extra = { retryAfterSeconds, cause: error };
  if (error instanceof NotAskedError) {
    return problem('upstream_unavailable', 'The service is not available at the moment.', extra);
  }
  if (!(error instanceof UpstreamFailure)) return error;
  return error.timedOut
    ? problem('upstream_timeout', 'The service did not answer in time; whether it acted is not known.', extra)
    : problem('upstream_unavailable', 'The service cannot be reached at the moment.', extra);
}
