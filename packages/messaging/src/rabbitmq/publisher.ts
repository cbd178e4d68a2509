import type { ConfirmChannel, Options } from 'amqplib';
import { withDeadline } from '../deadline.ts';
import type { Connection } from './connection.ts';

/** One message for the broker. `mandatory` in the options: it must reach a queue. */
export interface OutgoingMessage {
  exchange: string;
  routingKey: string;
  content: Buffer;
  options: Options.Publish;
}

/** Publishes with confirms. */
export interface Publisher {
  /**
   * Resolves when the broker has confirmed all messages. Rejects when one is refused or reached no queue, when the
   * connection is away or blocked, or when 5 s are over.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
}

interface OpenChannel {
  channel: ConfirmChannel;
  /** Numbers of messages that the broker sent back. */
  returned: Set<string>;
  /** Messages that missed their deadline and are still unconfirmed. */
  overdue: number;
}

const deadlineMs = 5_000;

/** One confirm channel on the connection, opened when needed and again after it was lost. */
export function createPublisher(connection: Connection): Publisher {
  let current: Promise<OpenChannel> | undefined;
  let lastNumber = 0;

  async function open(): Promise<OpenChannel> {
    const channel = await (await connection.model).createConfirmChannel();
    const returned = new Set<string>();
    channel.on('return', (message) => returned.add(String(message.properties.correlationId)));
    // 'close' follows; it makes amqplib tell all who wait for a confirm.
    channel.on('error', () => {});
    channel.on('close', () => {
      current = undefined;
    });
    return { channel, returned, overdue: 0 };
  }

  function opened(): Promise<OpenChannel> {
    current ??= open().catch((error) => {
      current = undefined;
      throw error;
    });
    return current;
  }

  function send(state: OpenChannel, message: OutgoingMessage, isLate: () => boolean): Promise<void> {
    lastNumber += 1;
    const number = String(lastNumber);
    return new Promise((resolve, reject) => {
      const options = { ...message.options, correlationId: number };
      state.channel.publish(message.exchange, message.routingKey, message.content, options, (error) => {
        if (isLate()) state.overdue -= 1;
        if (error) reject(new Error('RabbitMQ refused a message'));
        else if (state.returned.delete(number)) reject(new Error(`No queue takes ${message.routingKey}`));
        else resolve();
      });
    });
  }

  async function publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const hindrance = connection.hindrance();
    if (hindrance !== undefined) throw new Error(hindrance);
    const state = await withDeadline(opened(), deadlineMs, 'RabbitMQ opened no channel in time');
    // What was written but not confirmed waits in this process's memory: no more until the broker catches up.
    if (state.overdue > 0) throw new Error('RabbitMQ has not confirmed earlier messages yet');
    let late = false;
    let waiting = messages.length;
    const sent = messages.map((message) =>
      send(state, message, () => late).finally(() => {
        waiting -= 1;
      }),
    );
    const confirmed = Promise.all(sent);
    // Rejections that come after the first one have been told of already.
    for (const one of sent) one.catch(() => {});
    try {
      await withDeadline(confirmed, deadlineMs, 'RabbitMQ did not confirm in time');
    } catch (error) {
      if (waiting > 0) {
        late = true;
        state.overdue += waiting;
      }
      throw error;
    }
  }

  return { publish };
}
