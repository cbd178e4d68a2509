import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudEvent, QueueName } from '@florin/contracts';
import type { Message } from 'amqplib';
import { delayAfter, describeFailure } from '../retry-policy.ts';
import type { TransportSettings } from '../settings.ts';
import type { Settlement } from '../transport.ts';
import { attemptOf, failedMessage } from './message.ts';
import { singlesFor } from './outgoing-messages.ts';
import type { OutgoingMessage, Publisher } from './publisher.ts';
import { namesOf } from './topology.ts';

/** Of which queue the events are, and how they get out of it. */
export interface FailedEventsParts {
  settings: TransportSettings;
  /** On another connection than the consumer's, which the broker may block without stopping acknowledgements. */
  publisher: Publisher;
  queue: QueueName;
}

/** Moves on what cannot be handled as it came. Each call resolves when the broker has confirmed, or `ended` is aborted. */
export interface FailedEvents {
  /** Puts an event, or a message that has none, into a retry queue or among the dead letters. */
  moveOn(
    message: Message,
    event: CloudEvent | undefined,
    settlement: Exclude<Settlement, { outcome: 'done' }>,
    ended: AbortSignal,
  ): Promise<void>;
  /** Puts events that came together back into their queue, each as a message of its own. */
  separate(events: readonly CloudEvent[], ended: AbortSignal): Promise<void>;
}

/** For the consumer of one queue. */
export function createFailedEvents({ settings, publisher, queue }: FailedEventsParts): FailedEvents {
  const names = namesOf(settings.namespace);

  async function publish(messages: readonly OutgoingMessage[], ended: AbortSignal): Promise<void> {
    for (let wait = 100; !ended.aborted; wait = Math.min(2_000, wait * 2)) {
      try {
        await publisher.publish(messages);
        return;
      } catch (error) {
        settings.logger.warn({ queue, failure: describeFailure(error) }, 'failed event not moved yet');
        await sleep(wait, undefined, { signal: ended }).catch(() => {});
      }
    }
  }

  return {
    moveOn: async (message, event, { outcome, failure }, ended) => {
      const attempt = attemptOf(message);
      const delay = outcome === 'retry' ? delayAfter(attempt, settings.retryDelaysMs) : undefined;
      const moved =
        delay === undefined
          ? { exchange: '', routingKey: names.dead(queue), ...failedMessage(message, event, attempt, failure) }
          : {
              exchange: names.retry(delay),
              routingKey: names.queue(queue),
              ...failedMessage(message, event, attempt + 1, failure),
            };
      await publish([moved], ended);
    },
    separate: (events, ended) => publish(singlesFor(names.queue(queue), events), ended),
  };
}
