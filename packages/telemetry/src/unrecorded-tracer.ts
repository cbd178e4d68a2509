import {
  type Context,
  context as contextApi,
  type Span,
  type SpanContext,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { randomHex } from './random-hex.ts';

/** A span under `parent`, or the first of a trace of its own. Whether it is recorded stays the caller's decision. */
export function childSpanContext(parent: SpanContext | undefined): SpanContext {
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    traceFlags: parent?.traceFlags ?? TraceFlags.NONE,
    ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
  };
}

function startSpan(options: SpanOptions | undefined, context: Context): Span {
  return trace.wrapSpanContext(childSpanContext(options?.root === true ? undefined : trace.getSpanContext(context)));
}

const tracer: Tracer = {
  startSpan: (_name, options, context = contextApi.active()) => startSpan(options, context),
  startActiveSpan<Work extends (span: Span) => ReturnType<Work>>(
    _name: string,
    ...rest: [Work] | [SpanOptions, Work] | [SpanOptions, Context, Work]
  ): ReturnType<Work> {
    const work = rest.at(-1) as Work;
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined;
    const parent = rest.length > 2 ? (rest[1] as Context) : contextApi.active();
    const span = startSpan(options, parent);
    return contextApi.with(trace.setSpan(parent, span), () => work(span));
  },
};

/**
 * Spans that have ids and are passed on to other processes, but record nothing: for processes without an exporter,
 * where a recording SDK would cost start-up time and throughput for nothing.
 */
export const unrecordedTracerProvider: TracerProvider = { getTracer: () => tracer };
