import type { CloudEvent } from '@florin/contracts';

/** An event as the JSON text that travels, with what its carriers look at. */
export interface SerializedEvent {
  readonly id: string;
  readonly type: string;
  readonly traceparent?: string;
  readonly text: string;
}

/** The event of a JSON text. The text stays as it is, so that nobody on the way has to write it anew. */
export function serializedFrom(text: string): SerializedEvent {
  const { id, type, traceparent } = JSON.parse(text) as CloudEvent;
  return { id, type, ...(traceparent !== undefined && { traceparent }), text };
}

/** Writes an event. */
export function serialize(event: CloudEvent): SerializedEvent {
  const { id, type, traceparent } = event;
  return { id, type, ...(traceparent !== undefined && { traceparent }), text: JSON.stringify(event) };
}
