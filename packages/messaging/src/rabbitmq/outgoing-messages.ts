import { type SerializedEvent, serialize } from '../serialized-event.ts';
import { durableTypes } from '../settings.ts';
import { batchContentType, eventContentType } from './message.ts';
import type { OutgoingMessage } from './publisher.ts';

/** Events in one message at most. */
const mostEvents = 100;
/** Characters in one message, unless a single event has more. */
const mostCharacters = 256 * 1024;

/**
 * Messages for an exchange: events of one type that follow each other travel as one, in the JSON batch format of
 * CloudEvents, since a message costs the broker far more than an event in it. The order stays.
 */
export function messagesFor(exchange: string, events: readonly SerializedEvent[]): OutgoingMessage[] {
  return runsOf(events).map((run) => messageOf(run, { exchange, routingKey: run[0].type }));
}

/** One message with these events, of one type. */
export function messageOf(
  run: readonly [SerializedEvent, ...SerializedEvent[]],
  target: Pick<OutgoingMessage, 'exchange' | 'routingKey'>,
): OutgoingMessage {
  const [{ id, type, text }] = run;
  const own =
    run.length === 1
      ? { text, options: { messageId: id, contentType: eventContentType } }
      : { text: `[${run.map((event) => event.text).join(',')}]`, options: { contentType: batchContentType } };
  const options = { persistent: true, mandatory: durableTypes.has(type), type, ...own.options };
  return { ...target, content: Buffer.from(own.text), options };
}

function runsOf(events: readonly SerializedEvent[]): [SerializedEvent, ...SerializedEvent[]][] {
  const runs: [SerializedEvent, ...SerializedEvent[]][] = [];
  let characters = 0;
  for (const event of events) {
    const run = runs.at(-1);
    characters += event.text.length;
    if (run !== undefined && run[0].type === event.type && run.length < mostEvents && characters <= mostCharacters) {
      run.push(event);
    } else {
      runs.push([event]);
      characters = event.text.length;
    }
  }
  return runs;
}

/** Every event of a batch as a message of its own, for the queue with this name. */
export function singlesFor(queueName: string, events: readonly Parameters<typeof serialize>[0][]): OutgoingMessage[] {
  return events.map((event) => messageOf([serialize(event)], { exchange: '', routingKey: queueName }));
}
