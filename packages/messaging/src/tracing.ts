import type { CloudEvent } from '@florin/contracts';
import {
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { isPacked, type ReadyParcel } from './parcel.ts';
import { describeFailure } from './retry-policy.ts';

/** What tracing looks at. */
type TracedEvent = Pick<CloudEvent, 'id' | 'type' | 'traceparent'>;

const tracer = () => trace.getTracer('@florin/messaging');
const traceparentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function parentOf(event: TracedEvent): Context {
  const match = traceparentPattern.exec(event.traceparent ?? '');
  if (!match) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = '00'] = match;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function startSpan(kind: SpanKind, verb: string, event: TracedEvent, destination: string, links: Link[] = []): Span {
  const attributes = {
    'messaging.system': 'florin',
    'messaging.destination.name': destination,
    'messaging.message.id': event.id,
    'messaging.operation.type': verb,
  };
  return tracer().startSpan(`${verb} ${event.type}`, { kind, attributes, links }, parentOf(event));
}

function endSpans(spans: readonly Span[], error?: unknown): void {
  for (const span of spans) {
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: describeFailure(error) });
    span.end();
  }
}

/**
 * Publishes inside a PRODUCER span for each event, child of the span that made the event. The events themselves stay as they
 * are: consumers continue from the span that made them, beside the publishing. An event of a trace that is not recorded has
 * no span here.
 */
export async function tracePublish(parcels: readonly ReadyParcel[], publish: () => Promise<void>): Promise<void> {
  const spans = parcels.flatMap(tracedOf).map((event) => startSpan(SpanKind.PRODUCER, 'publish', event, event.type));
  try {
    await publish();
    endSpans(spans);
  } catch (error) {
    endSpans(spans, error);
    throw error;
  }
}

function tracedOf(parcel: ReadyParcel): TracedEvent[] {
  if (isPacked(parcel)) return parcel.recorded.map((event) => ({ ...event, type: parcel.type }));
  return isUnrecorded(parcel) ? [] : [parcel];
}

/**
 * Runs the effect of events inside a CONSUMER span each, child of the span that made the event. Only one span can be
 * active: the first sampled one, so the SQL of a batch is in that event's trace; the other spans link to it. Events of
 * traces that are not recorded have no span but for the active one where all are such.
 */
export async function traceProcess<Result>(
  queue: string,
  events: readonly CloudEvent[],
  work: () => Promise<Result>,
): Promise<Result> {
  const leader = events.find(isSampled) ?? events[0];
  if (leader === undefined) return await work();
  const active = startSpan(SpanKind.CONSUMER, 'process', leader, queue);
  const links = [{ context: active.spanContext() }];
  const others = events
    .filter((event) => event !== leader && !isUnrecorded(event))
    .map((event) => startSpan(SpanKind.CONSUMER, 'process', event, queue, links));
  const spans = [active, ...others];
  try {
    const result = await context.with(trace.setSpan(parentOf(leader), active), work);
    endSpans(spans);
    return result;
  } catch (error) {
    endSpans(spans, error);
    throw error;
  }
}

function isSampled(event: TracedEvent): boolean {
  const flags = flagsOf(event);
  return flags !== undefined && (flags & TraceFlags.SAMPLED) !== 0;
}

/** Whoever began the trace has decided against recording it, and everyone follows. */
function isUnrecorded(event: TracedEvent): boolean {
  const flags = flagsOf(event);
  return flags !== undefined && (flags & TraceFlags.SAMPLED) === 0;
}

function flagsOf({ traceparent = '' }: TracedEvent): number | undefined {
  const flags = traceparentPattern.exec(traceparent)?.[3];
  return flags === undefined ? undefined : Number.parseInt(flags, 16);
}
