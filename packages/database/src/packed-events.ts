import type { CloudEvent } from '@florin/contracts';
import { compressText, decompressText } from './compression.ts';
import type { SerializedEvent } from './serialized-event.ts';

/** What is known of an event without opening it. */
export type EventOrigin = Pick<CloudEvent, 'id' | 'traceparent'>;

/**
 * Several events of one type as they travel from the change to its consumers: compressed once, by whoever makes the change,
 * and opened by who handles them. Nobody between the two touches an event.
 */
export interface PackedEvents {
  readonly type: string;
  /** How many, at most {@link mostPacked}. */
  readonly size: number;
  /** The JSON array of the events, by zstd, in base64. */
  readonly zstd: string;
  /** Those whose trace is recorded. */
  readonly recorded: readonly EventOrigin[];
}

/** Events in a pack at most: they are handled as one batch, and fail as one before they are tried one by one. */
export const mostPacked = 100;
/** Characters in a pack at most, unless a single event has more. */
const mostCharacters = 256 * 1024;
/** Fewer are not worth it, and stay readable in the table. */
const leastPacked = 8;

/** Packs what follows each other and has one type, in the given order. The rest stays as it is. */
export function packEvents(events: readonly SerializedEvent[]): (SerializedEvent | PackedEvents)[] {
  return runsOfOneType(events).flatMap<SerializedEvent | PackedEvents>((run) =>
    run.length < leastPacked ? run : pack(run),
  );
}

/** The JSON array of packed events. */
export function unpackedText({ zstd }: Pick<PackedEvents, 'zstd'>): Buffer {
  return decompressText(zstd);
}

/** Packed events. */
export function unpackEvents(packed: Pick<PackedEvents, 'zstd'>): CloudEvent[] {
  return JSON.parse(unpackedText(packed).toString()) as CloudEvent[];
}

function pack(run: readonly [SerializedEvent, ...SerializedEvent[]]): PackedEvents {
  const text = `[${run.map((event) => event.text).join(',')}]`;
  return {
    type: run[0].type,
    size: run.length,
    zstd: compressText(text),
    recorded: run.flatMap(({ id, traceparent }) => (isRecorded(traceparent) ? { id, traceparent } : [])),
  };
}

/** By the last bit of the flags of a W3C traceparent. */
function isRecorded(traceparent: string | undefined): traceparent is string {
  return traceparent !== undefined && (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}

function runsOfOneType(events: readonly SerializedEvent[]): [SerializedEvent, ...SerializedEvent[]][] {
  const runs: [SerializedEvent, ...SerializedEvent[]][] = [];
  let characters = 0;
  for (const event of events) {
    const run = runs.at(-1);
    characters += event.text.length;
    if (run !== undefined && run[0].type === event.type && run.length < mostPacked && characters <= mostCharacters) {
      run.push(event);
    } else {
      runs.push([event]);
      characters = event.text.length;
    }
  }
  return runs;
}
