import type { CloudEvent } from '@florin/contracts';
import { type PackedEvents, type SerializedEvent, serialize, unpackedText } from '@florin/database';
import { isPacked, type ReadyParcel } from '../parcel.ts';
import { durableTypes } from '../settings.ts';
import { batchContentType, eventContentType } from './message.ts';
import type { OutgoingMessage } from './publisher.ts';

/** Events in one message at most. */
const mostEvents = 100;
/** Characters in one message, unless a single event has more. */
const mostCharacters = 256 * 1024;

type Run = [SerializedEvent, ...SerializedEvent[]];
type Target = Pick<OutgoingMessage, 'exchange' | 'routingKey'>;

/**
 * Messages for an exchange: events of one type that follow each other, and packed ones, travel as one, in the JSON batch
 * format of CloudEvents, since a message costs the broker far more than an event in it. The order stays.
 */
export function messagesFor(exchange: string, parcels: readonly ReadyParcel[]): OutgoingMessage[] {
  return runsOf(parcels).map((run) =>
    Array.isArray(run)
      ? messageOf(run, { exchange, routingKey: run[0].type })
      : packedMessage(run, { exchange, routingKey: run.type }),
  );
}

/** One message with these events, of one type. */
export function messageOf(run: Readonly<Run>, target: Target): OutgoingMessage {
  const [{ id, type, text }] = run;
  if (run.length > 1) return batchMessage(type, Buffer.from(`[${run.map((event) => event.text).join(',')}]`), target);
  const options = { ...durableOptions(type), messageId: id, contentType: eventContentType };
  return { ...target, content: Buffer.from(text), options };
}

function packedMessage(packed: PackedEvents, target: Target): OutgoingMessage {
  return batchMessage(packed.type, unpackedText(packed), target);
}

function batchMessage(type: string, content: Buffer, target: Target): OutgoingMessage {
  return { ...target, content, options: { ...durableOptions(type), contentType: batchContentType } };
}

function durableOptions(type: string): OutgoingMessage['options'] {
  return { persistent: true, mandatory: durableTypes.has(type), type };
}

function runsOf(parcels: readonly ReadyParcel[]): (Run | PackedEvents)[] {
  const runs: (Run | PackedEvents)[] = [];
  let characters = 0;
  for (const parcel of parcels) {
    const run = runs.at(-1);
    if (isPacked(parcel)) {
      runs.push(parcel);
      continue;
    }
    characters += parcel.text.length;
    if (Array.isArray(run) && run[0].type === parcel.type && run.length < mostEvents && characters <= mostCharacters) {
      run.push(parcel);
    } else {
      runs.push([parcel]);
      characters = parcel.text.length;
    }
  }
  return runs;
}

/** Every event of a batch as a message of its own, for the queue with this name. */
export function singlesFor(queueName: string, events: readonly CloudEvent[]): OutgoingMessage[] {
  return events.map((event) => messageOf([serialize(event)], { exchange: '', routingKey: queueName }));
}
