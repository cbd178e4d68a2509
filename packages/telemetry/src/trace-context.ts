import {
  type Context,
  createTraceState,
  isSpanContextValid,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

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
    const header = getter.get(carrier, 'traceparent');
    const found = typeof header === 'string' ? pattern.exec(header.trim()) : null;
    if (found === null) return context;
    const [, version, traceId = '', spanId = '', flags = '', rest] = found;
    // Version 00 has exactly four parts; later ones may add more; ff is forbidden.
    if (version === 'ff' || (version === '00' && rest !== undefined)) return context;
    const span = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
    if (!isSpanContextValid(span)) return context;
    const states = getter.get(carrier, 'tracestate');
    const state = Array.isArray(states) ? states.join(',') : states;
    return trace.setSpanContext(context, state ? { ...span, traceState: createTraceState(state) } : span);
  },

  fields: () => ['traceparent', 'tracestate'],
};
