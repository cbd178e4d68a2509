import type { CloudEvent } from '@florin/contracts';
import type { Message, Options } from 'amqplib';
import type { DeadLetter } from '../transport.ts';

const attemptHeader = 'x-florin-attempt';
const failureHeader = 'x-florin-failure';

/** The event of a message, or undefined when it is none. */
export function eventOf(message: Message): CloudEvent | undefined {
  try {
    const event: unknown = JSON.parse(message.content.toString('utf8'));
    return isEvent(event) ? event : undefined;
  } catch {
    return undefined;
  }
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

/** Properties of an event on its way to the queues. */
export function eventOptions(event: CloudEvent, mandatory: boolean): Options.Publish {
  return {
    persistent: true,
    mandatory,
    messageId: event.id,
    type: event.type,
    contentType: 'application/cloudevents+json',
  };
}

/** Properties of a failed message on its way to a retry queue or the dead letters. */
export function failedOptions(message: Message, attempt: number, failure: string): Options.Publish {
  const { messageId, type, contentType } = message.properties;
  return {
    persistent: true,
    mandatory: true,
    ...(messageId !== undefined && { messageId }),
    ...(type !== undefined && { type }),
    ...(contentType !== undefined && { contentType }),
    headers: { [attemptHeader]: attempt, [failureHeader]: failure },
  };
}

/** A message of a dead-letter queue as operators see it. */
export function deadLetterOf(message: Message): DeadLetter {
  const failure: unknown = message.properties.headers?.[failureHeader];
  return {
    event: eventOf(message),
    failure: typeof failure === 'string' ? failure : 'redelivered too often: its consumer crashed each time',
    attempts: attemptOf(message),
  };
}
