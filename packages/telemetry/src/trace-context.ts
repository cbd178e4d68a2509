import {
  type Context,
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  isSpanContextValid,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** What the two headers say of the caller's span; undefined where `traceparent` is missing or malformed. */
export function callerSpan(traceparent: unknown, tracestate: unknown): SpanContext | undefined {
  const found = typeof traceparent === 'string' ? pattern.exec(traceparent.trim()) : null;
  if (found === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = found;
  // Version 00 has exactly four parts; later ones may add more; ff is forbidden.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return undefined;
  const span = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  const state = Array.isArray(tracestate) ? tracestate.join(',') : tracestate;
  return typeof state === 'string' && state !== '' ? { ...span, traceState: createTraceState(state) } : span;
}

/** Reads and writes W3C `traceparent` and `tracestate`; a malformed one counts as none. Baggage is not carried. */
export const traceContext: TextMapPropagator = {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context);
    if (span === undefined || !isSpanContextValid(span)) return;
    const flags = (span.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
    setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-${flags}`);
    const state = span.traceState?.serialize();
    if (state) setter.set(carrier, 'tracestate', state);
  },

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const span = callerSpan(getter.get(carrier, 'traceparent'), getter.get(carrier, 'tracestate'));
    return span === undefined ? context : trace.setSpanContext(context, span);
  },

  fields: () => ['traceparent', 'tracestate'],
};
