import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import {
  type Context,
  type ContextManager,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** A span as it was started, and whether it has ended. */
export interface RecordedSpan {
  name: string;
  kind: SpanKind;
  context: SpanContext;
  parent: SpanContext | undefined;
  links: Link[];
  status: SpanStatus | undefined;
  ended: boolean;
}

const storage = new AsyncLocalStorage<Context>();

const contexts: ContextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (active, work, self, ...args) => storage.run(active, () => work.apply(self, args)),
  bind: (_, target) => target,
  enable: () => contexts,
  disable: () => contexts,
};

/** Stands in for the SDK in this process: remembers every span. */
export function recordSpans(): RecordedSpan[] {
  const spans: RecordedSpan[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, from: Context = contexts.active()): Span => {
    const parent = trace.getSpanContext(from);
    const own: SpanContext = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: parent?.traceFlags ?? 1,
    };
    const record: RecordedSpan = {
      name,
      kind: options.kind ?? SpanKind.INTERNAL,
      context: own,
      parent,
      links: options.links ?? [],
      status: undefined,
      ended: false,
    };
    spans.push(record);
    const span = trace.wrapSpanContext(own);
    span.setStatus = (status) => {
      record.status = status;
      return span;
    };
    span.end = () => {
      record.ended = true;
    };
    return span;
  };
  const tracer = { startSpan } as Tracer;
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  context.setGlobalContextManager(contexts);
  return spans;
}
