import { createRequire } from 'node:module';
import { context, propagation, trace } from '@opentelemetry/api';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { AsyncContextManager } from './context-manager.ts';
import { isProbe } from './probes.ts';
import { traceContext } from './trace-context.ts';
import { carryTracesOverHttp } from './unrecorded-http.ts';
import { unrecordedTracerProvider } from './unrecorded-tracer.ts';

// The recording SDK is big: it is loaded only where an exporter is set, and synchronously, so that every module that
// comes later is instrumented.
const require = createRequire(import.meta.url);

let stop: () => Promise<void> = async () => {};

/** Which exporter the environment asks for. */
export type Exporter = 'otlp' | 'jaeger' | 'none';

/**
 * OTLP where OTEL_EXPORTER_OTLP_ENDPOINT (or its _TRACES_ form) is set, Jaeger's own protocol where
 * OTEL_TRACES_EXPORTER=jaeger, else none.
 *
 * @throws Error with one line for a value of OTEL_TRACES_EXPORTER that would silently trace nothing
 */
export function exporterOf(environment: NodeJS.ProcessEnv): Exporter {
  if (environment.OTEL_SDK_DISABLED === 'true') return 'none';
  const named = environment.OTEL_TRACES_EXPORTER || 'otlp';
  if (named === 'jaeger' || named === 'none') return named;
  if (named !== 'otlp') throw new Error(`OTEL_TRACES_EXPORTER must be otlp, jaeger or none, not ${named}.`);
  return environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ? 'otlp' : 'none';
}

/**
 * The share of new traces that is recorded, from FLORIN_TRACE_RATIO; callers' decisions are followed.
 *
 * @throws Error with one line when it is not a number from 0 to 1
 */
export function traceRatio(environment: NodeJS.ProcessEnv): number {
  const ratio = Number(environment.FLORIN_TRACE_RATIO || '0.1');
  if (!(ratio >= 0 && ratio <= 1)) throw new Error('FLORIN_TRACE_RATIO must be a number from 0 to 1.');
  return ratio;
}

/**
 * Starts tracing. To be called before anything else is imported: from the file given to `node --import`. Without an
 * exporter nothing is recorded, but trace ids exist and travel on to other processes.
 */
export function startTelemetry(options: { service: string; environment?: NodeJS.ProcessEnv }): void {
  const environment = options.environment ?? process.env;
  const exporter = exporterOf(environment);
  const ratio = traceRatio(environment);
  if (exporter === 'none') startUnrecorded();
  else startRecording(options.service, exporter, ratio);
}

/** Sends what is still to be sent; to be awaited before the process exits. */
export function stopTelemetry(): Promise<void> {
  return stop();
}

function startUnrecorded(): void {
  const manager = new AsyncContextManager();
  context.setGlobalContextManager(manager);
  propagation.setGlobalPropagator(traceContext);
  trace.setGlobalTracerProvider(unrecordedTracerProvider);
  carryTracesOverHttp(manager);
}

function startRecording(service: string, exporter: 'otlp' | 'jaeger', ratio: number): void {
  // Only these: wrapping every module would slow the start.
  register({ include: ['http', 'https', 'node:http', 'node:https', 'pg', 'pg-pool', 'ioredis'] });
  // Standard settings win over ours. The process detector would put the command line on every span.
  process.env.OTEL_TRACES_SAMPLER ??= 'parentbased_traceidratio';
  process.env.OTEL_TRACES_SAMPLER_ARG ??= String(ratio);
  process.env.OTEL_NODE_RESOURCE_DETECTORS ??= 'env,serviceinstance';
  process.env.OTEL_BSP_SCHEDULE_DELAY ??= '1000';
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: process.env.OTEL_SERVICE_NAME || service,
    traceExporter: makeExporter(exporter),
    contextManager: new AsyncContextManager(),
    textMapPropagator: traceContext,
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [...httpInstrumentations(), ...recordingInstrumentations()],
  });
  sdk.start();
  stop = () => sdk.shutdown();
}

function makeExporter(exporter: 'otlp' | 'jaeger') {
  if (exporter === 'jaeger') {
    const { JaegerExporter } =
      require('@opentelemetry/exporter-jaeger') as typeof import('@opentelemetry/exporter-jaeger');
    return new JaegerExporter();
  }
  const { OTLPTraceExporter } =
    require('@opentelemetry/exporter-trace-otlp-http') as typeof import('@opentelemetry/exporter-trace-otlp-http');
  return new OTLPTraceExporter();
}

/** Queries may hold names and mail addresses: spans keep paths only. */
function httpInstrumentations() {
  const { HttpInstrumentation } =
    require('@opentelemetry/instrumentation-http') as typeof import('@opentelemetry/instrumentation-http');
  const { UndiciInstrumentation } =
    require('@opentelemetry/instrumentation-undici') as typeof import('@opentelemetry/instrumentation-undici');
  return [
    new HttpInstrumentation({
      ignoreIncomingRequestHook: isProbe,
      requestHook: (span, request) => {
        if ('url' in request && request.url?.includes('?')) span.setAttribute('url.query', '?');
      },
      requireParentforOutgoingSpans: true,
    }),
    new UndiciInstrumentation({
      requireParentforSpans: true,
      startSpanHook: (request) => ({
        'url.full': `${request.origin}${request.path.split('?', 1)[0]}`,
        'url.query': '',
      }),
    }),
  ];
}

/** What is worth its cost only when spans are recorded. Pollers' statements outside any request are left out. */
function recordingInstrumentations() {
  const { PgInstrumentation } =
    require('@opentelemetry/instrumentation-pg') as typeof import('@opentelemetry/instrumentation-pg');
  const { IORedisInstrumentation } =
    require('@opentelemetry/instrumentation-ioredis') as typeof import('@opentelemetry/instrumentation-ioredis');
  const { FastifyOtelInstrumentation } = require('@fastify/otel') as typeof import('@fastify/otel');
  return [
    new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true, enhancedDatabaseReporting: false }),
    new IORedisInstrumentation({ requireParentSpan: true, dbStatementSerializer: (command) => command }),
    new FastifyOtelInstrumentation({
      registerOnInitialization: true,
      instrumentHooks: false,
      requestHook: (span, { url }) => span.setAttribute('url.path', url.split('?', 1)[0] ?? '/'),
    }),
  ];
}
