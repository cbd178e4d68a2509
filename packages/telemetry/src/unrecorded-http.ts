import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Context, context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import type { AsyncContextManager } from './context-manager.ts';
import { isProbe } from './probes.ts';
import { randomHex } from './random-hex.ts';
import { callerSpan, traceContext } from './trace-context.ts';
import { childSpanContext } from './unrecorded-tracer.ts';

/** The part of undici's request that its `undici:request:create` message promises. */
interface UndiciRequest {
  addHeader(name: string, value: string): void;
}

/**
 * Carries traces over HTTP without recording them: a request that comes in continues the caller's trace or starts one,
 * and requests that go out meanwhile pass it on. Node's own messages tell of both, so nothing is wrapped: the
 * instrumentation that records would cost a proxied request a quarter of its time for spans nobody sees.
 */
export function carryTracesOverHttp(manager: AsyncContextManager): void {
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    manager.enter(isProbe(request) ? ROOT_CONTEXT : incomingContext(request));
  });
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: UndiciRequest };
    passOn((name, value) => request.addHeader(name, value));
  });
  subscribe('http.client.request.created', (message) => {
    const { request } = message as { request: ClientRequest };
    if (!request.headersSent) passOn((name, value) => request.setHeader(name, value));
  });
}

function incomingContext(request: IncomingMessage): Context {
  const { traceparent, tracestate } = request.headers;
  return trace.setSpanContext(ROOT_CONTEXT, childSpanContext(callerSpan(traceparent, tracestate)));
}

function passOn(setHeader: (name: string, value: string) => void): void {
  const active = context.active();
  const parent: SpanContext | undefined = trace.getSpanContext(active);
  // Only what a request causes belongs to a trace; pollers and the like have none.
  if (parent === undefined) return;
  const child = trace.setSpanContext(active, { ...parent, spanId: randomHex(8) });
  traceContext.inject(child, undefined, { set: (_carrier, name, value) => setHeader(name, value) });
}
