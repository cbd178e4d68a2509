import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { Logger } from 'pino';
import { answerBrokenRequest, followAnswers } from './client-errors.ts';
import { sendProblem } from './errors.ts';
import { installHealth, isDraining, type ReadinessCheck } from './health.ts';
import { installBodyParser } from './json-body.ts';
import { installLoadShedding } from './load-shedding.ts';
import { installMetrics } from './metrics.ts';
import { installNotFound } from './not-found.ts';
import { installOpenApi, type OpenApiInfo } from './openapi.ts';
import { problem } from './problems.ts';
import { requestId, traceId } from './request-id.ts';
import { body } from './schemas.ts';
import { validatorCompiler } from './validation.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Health, metrics and the like: outside access control and load shedding. For this package only. */
    operational?: boolean;
  }
  interface FastifyRequest {
    /** 32 hex digits; in every log line and every problem. */
    traceId: string;
  }
}

/** A Fastify instance whose handlers take their types from TypeBox schemas. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What createServer needs. */
export interface ServerOptions {
  /** The service's name, for its document and log. */
  name: string;
  logger: Logger;
  openapi?: OpenApiInfo;
  /** Dependencies without which GET /health/ready answers 503. */
  readiness?: Record<string, ReadinessCheck>;
  /** Believe X-Forwarded-*, of anyone or of these addresses and networks; only behind proxies that set them. Default false. */
  trustProxy?: boolean | string[];
  /** Show GET /metrics. Default true. */
  metricsRoute?: boolean;
  /** Show GET /internal/openapi.json. Default true. */
  openapiRoute?: boolean;
  /** Answer 503 to what the event loop would not get to within half a second. Default true. */
  loadShedding?: boolean;
  /**
   * One info line for every request. Otherwise only for those that are refused, fail or take a second, and a debug line
   * for the rest: the gateway's line tells of them, with the same request and trace id. Default false.
   */
  logEveryRequest?: boolean;
  /** Headers of every answer, also to requests that can't be parsed. Names in lower case. */
  headers?: Readonly<Record<string, string>>;
}

const maxBodyBytes = 64 * 1024;
/** A request that takes longer is worth a line everywhere. */
const slowMs = 1000;

// requestTimeout is only enforced when sockets are looked at, and headersTimeout must not be above it.
const timeouts = {
  headersTimeout: 5000,
  requestTimeout: 7000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 72_000,
};

type Headers = Readonly<Record<string, string>>;

function createInstance(options: ServerOptions, headers: Headers): FastifyInstance {
  return Fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: ({ headers }) => requestId(headers),
    trustProxy: options.trustProxy ?? false,
    bodyLimit: maxBodyBytes,
    requestTimeout: timeouts.requestTimeout,
    keepAliveTimeout: timeouts.keepAliveTimeout,
    http: {
      headersTimeout: timeouts.headersTimeout,
      connectionsCheckingInterval: timeouts.connectionsCheckingInterval,
      // Refused by a hook, so that this refusal too has a problem body.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    // A request that arrives on an open connection during shutdown is still served.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, request, reply) => {
      reply.headers(headers).header('x-request-id', request.id);
      sendProblem(error, request, reply);
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, headers),
  });
}

// These hooks run for every request: with a callback they cost no promise.
function installRequestHooks(app: FastifyInstance, headers: Headers, options: ServerOptions): void {
  const { logEveryRequest = false, logger } = options;
  const logsDebug = logger.isLevelEnabled('debug');
  app.decorateRequest('traceId', '');
  app.decorateReply('problemCode', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    request.traceId = traceId(request.headers);
    reply.headers(headers).header('x-request-id', request.id);
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      done(problem('validation_failed', 'The Host header is missing.'));
      return;
    }
    done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isDraining(app)) reply.header('Connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const isNotable = logEveryRequest || reply.statusCode >= 400 || reply.elapsedTime >= slowMs;
    if (isNotable) request.log.info(requestLine(request, reply), 'request');
    else if (logsDebug) request.log.debug(requestLine(request, reply), 'request');
    done();
  });
}

function requestLine(request: FastifyRequest, reply: FastifyReply): object {
  const { method, traceId: trace } = request;
  const route = request.is404 ? undefined : request.routeOptions.url;
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  const line = { method, route, status: reply.statusCode, ms, traceId: trace };
  return reply.problemCode ? { ...line, code: reply.problemCode } : line;
}

// Routes with a schema that say nothing of a query take none.
function refuseUndeclaredQueries(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.schema && !route.schema.hide && !route.schema.querystring) route.schema.querystring = body({});
  });
}

/**
 * A Fastify instance with the house's defaults: strict JSON bodies up to 64 KiB (a route's bodyLimit may differ), closed
 * query strings, problem documents for every error, request and trace ids, security headers, timeouts, a log line for
 * what deserves one, health, metrics and OpenAPI. It does not listen.
 */
export function createServer(options: ServerOptions): Server {
  const headers = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', ...options.headers };
  const app = createInstance(options, headers);
  followAnswers(app.server);
  // Node would answer an unknown expectation with 417 and no body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  installNotFound(app);
  installRequestHooks(app, headers, options);
  refuseUndeclaredQueries(app);
  installBodyParser(app);
  const info = options.openapi ?? { title: options.name, description: `The ${options.name} service` };
  installOpenApi(app, info, { route: options.openapiRoute ?? true });
  installHealth(app, options.readiness ?? {});
  installMetrics(app, { route: options.metricsRoute ?? true });
  if (options.loadShedding ?? true) installLoadShedding(app);
  return app.withTypeProvider<TypeBoxTypeProvider>();
}
