import type { CloudEvent } from '@florin/contracts';
import type { Message, Options } from 'amqplib';
import type { DeadLetter } from '../transport.ts';

const attemptHeader = 'x-florin-attempt';
const failureHeader = 'x-florin-failure';

/** CloudEvents 1.0 in JSON: one event. */
export const eventContentType = 'application/cloudevents+json';
/** Several, as an array. */
export const batchContentType = 'application/cloudevents-batch+json';

/** The events of a message, one or more; undefined when it has anything else. */
export function eventsOf(message: Message): CloudEvent[] | undefined {
  try {
    const content: unknown = JSON.parse(message.content.toString('utf8'));
    const events = Array.isArray(content) ? content : [content];
    return events.length > 0 && events.every(isEvent) ? events : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the message holds several events. */
export function isBatch(message: Message): boolean {
  return message.properties.contentType === batchContentType;
}

/** How often the message went back to its queue unfinished: its consumer crashed or lost its connection. */
export function returnsOf(message: Message): number {
  const count: unknown = message.properties.headers?.['x-delivery-count'];
  return typeof count === 'number' ? count : 0;
}

function isEvent(value: unknown): value is CloudEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, time } = value as Record<string, unknown>;
  return typeof id === 'string' && typeof type === 'string' && typeof time === 'string' && 'data' in value;
}

/** Which attempt a delivery of the message is; 1 at first. Redeliveries after a crash are not counted here. */
export function attemptOf(message: Message): number {
  const attempt: unknown = message.properties.headers?.[attemptHeader];
  return typeof attempt === 'number' && attempt > 0 ? attempt : 1;
}

/** A failed event, or a message that has none, on its way to a retry queue or the dead letters. */
export function failedMessage(
  message: Message,
  event: CloudEvent | undefined,
  attempt: number,
  failure: string,
): { content: Buffer; options: Options.Publish } {
  const headers = { [attemptHeader]: attempt, [failureHeader]: failure };
  if (event === undefined || !isBatch(message)) {
    return { content: message.content, options: { ...keptOptions(message), headers } };
  }
  const own = { messageId: event.id, type: event.type, contentType: eventContentType };
  return {
    content: Buffer.from(JSON.stringify(event)),
    options: { persistent: true, mandatory: true, ...own, headers },
  };
}

/** Properties of a message with one event that goes to another queue. */
export function keptOptions(message: Message): Options.Publish {
  const { messageId, type, contentType } = message.properties;
  return {
    persistent: true,
    mandatory: true,
    ...(messageId !== undefined && { messageId }),
    ...(type !== undefined && { type }),
    ...(contentType !== undefined && { contentType }),
  };
}

/** A message of a dead-letter queue, with one event or none, as operators see it. */
export function deadLetterOf(message: Message): DeadLetter {
  const failure: unknown = message.properties.headers?.[failureHeader];
  return {
    event: eventsOf(message)?.[0],
    failure: typeof failure === 'string' ? failure : 'redelivered too often: its consumer crashed each time',
    attempts: attemptOf(message),
  };
}
