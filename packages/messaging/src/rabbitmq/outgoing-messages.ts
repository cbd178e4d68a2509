import type { CloudEvent } from '@florin/contracts';
import { serialize, unpackedText } from '@florin/database';
import { isPacked, type ReadyParcel } from '../parcel.ts';
import { durableTypes } from '../settings.ts';
import { batchContentType, eventContentType } from './message.ts';
import type { OutgoingMessage } from './publisher.ts';

/** Events in one message at most. */
const mostEvents = 100;
/** Characters in one message, unless a single event has more. */
const mostCharacters = 256 * 1024;

type Target = Pick<OutgoingMessage, 'exchange' | 'routingKey'>;

/** One event, or several that a comma separates. */
interface Piece {
  readonly type: string;
  readonly text: string;
  readonly size: number;
  /** Of the event where it is one. */
  readonly id?: string;
}

type Run = [Piece, ...Piece[]];

/**
 * Messages for an exchange: events of one type that follow each other, packed ones too, travel as one, in the JSON batch
 * format of CloudEvents, since a message costs the broker far more than an event in it. The order stays.
 */
export function messagesFor(exchange: string, parcels: readonly ReadyParcel[]): OutgoingMessage[] {
  return runsOf(parcels.map(pieceOf)).map((run) => messageOf(run, { exchange, routingKey: run[0].type }));
}

function messageOf(run: Run, target: Target): OutgoingMessage {
  const [{ id, type, text }] = run;
  const own =
    id !== undefined && run.length === 1
      ? { text, options: { messageId: id, contentType: eventContentType } }
      : { text: `[${run.map((piece) => piece.text).join(',')}]`, options: { contentType: batchContentType } };
  const options = { persistent: true, mandatory: durableTypes.has(type), type, ...own.options };
  return { ...target, content: Buffer.from(own.text), options };
}

function pieceOf(parcel: ReadyParcel): Piece {
  if (!isPacked(parcel)) return { id: parcel.id, type: parcel.type, text: parcel.text, size: 1 };
  // Without the brackets of its array.
  return { type: parcel.type, text: unpackedText(parcel).toString().slice(1, -1), size: parcel.size };
}

function runsOf(pieces: readonly Piece[]): Run[] {
  const runs: Run[] = [];
  let [size, characters] = [0, 0];
  for (const piece of pieces) {
    const run = runs.at(-1);
    size += piece.size;
    characters += piece.text.length;
    if (run?.[0].type === piece.type && size <= mostEvents && characters <= mostCharacters) run.push(piece);
    else {
      runs.push([piece]);
      [size, characters] = [piece.size, piece.text.length];
    }
  }
  return runs;
}

/** Every event of a batch as a message of its own, for the queue with this name. */
export function singlesFor(queueName: string, events: readonly CloudEvent[]): OutgoingMessage[] {
  return events.map((event) => messageOf([pieceOf(serialize(event))], { exchange: '', routingKey: queueName }));
}
