import type { CloudEvent, EventDefinition } from '@florin/contracts';
import { formatId, formatInstant, newUuid } from '@florin/service';
import { type Context, context, isSpanContextValid, trace } from '@opentelemetry/api';

/** What the maker of an event says of it; the rest of the envelope follows from the definition and the moment. */
export interface EventFacts<Data> {
  /** 'florin/<service>'. */
  source: string;
  /** The id of the thing the event is about. */
  subject: string;
  data: Data;
  /** When it happened; now unless told. */
  time?: Date;
  /** Whose trace goes on in the event; the active one's unless told. */
  trace?: Context;
}

/** The W3C traceparent of the context's span, or undefined outside any trace. */
function traceparentOf(trail: Context): string | undefined {
  const span = trace.getSpanContext(trail);
  if (!span || !isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}

/**
 * Makes an event with a new id (`evt_…`, in order of time) that carries its trace on to its consumers.
 * The data is not checked against the schema here: the consumers do that, and the types do it for the maker.
 */
export function newEvent<Data>(definition: EventDefinition<Data>, facts: EventFacts<Data>): CloudEvent<Data> {
  const traceparent = traceparentOf(facts.trace ?? context.active());
  return {
    specversion: '1.0',
    id: formatId('evt', newUuid()),
    source: facts.source,
    type: definition.type,
    subject: facts.subject,
    time: formatInstant(facts.time ?? new Date()),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
    data: facts.data,
  };
}
