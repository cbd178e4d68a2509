import { type QueueName, queues } from '@florin/contracts';
import type { Logger } from 'pino';

/** What both transports are made with. */
export interface TransportSettings {
  url: string;
  namespace: string;
  retryDelaysMs: readonly number[];
  logger: Logger;
}

/** Every durable queue with the types it reads. */
export const queueTable: readonly (readonly [QueueName, readonly string[]])[] = (
  Object.keys(queues) as QueueName[]
).map((name) => [name, queues[name]]);

/** Types that some durable queue reads. All others are broadcasts. */
export const durableTypes: ReadonlySet<string> = new Set(queueTable.flatMap(([, types]) => types));

/** @throws Error when a durable queue reads one of the types: those are consumed, not broadcast. */
export function refuseDurableTypes(types: readonly string[]): void {
  const durable = types.find((type) => durableTypes.has(type));
  if (durable !== undefined) throw new Error(`${durable} is read by a durable queue and is not broadcast`);
}
