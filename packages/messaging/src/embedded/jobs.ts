import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { CloudEvent, QueueName } from '@florin/contracts';
import type pg from 'pg';
import type { SerializedEvent } from '../serialized-event.ts';
import { queueTable } from '../settings.ts';

/** What a job of the bus carries: events of one queue, and which attempt this is for all of them. */
export interface JobPayload {
  events: readonly CloudEvent[];
  attempt: number;
}

/** A JobPayload in the table. `zstd`: the events as compressed JSON, in base64. */
type StoredPayload = JobPayload | { zstd: string; attempt: number };

/** A job to be added. */
export interface NewJob {
  /** The queue with its namespace: `busQueue`. */
  queue: string;
  /** From `jobPayload`. */
  payload: string;
  delayMs?: number;
}

/** Events in one job at most; they are handled as one batch. */
const eventsPerJob = 100;
/**
 * Characters from which events are compressed, to a fifth or less: the server copies a job's payload ten times and logs
 * it. A few events stay readable.
 */
const compressFrom = 8_192;
/** With more jobs the statement is parsed each time, instead of keeping one for every number there is. */
const mostPrepared = 10;

/** Name of a queue in the bus, which may serve several namespaces. */
export function busQueue(namespace: string, queue: QueueName): string {
  return `${namespace}.${queue}`;
}

/** The payload of a job with these events. */
export function jobPayload(events: readonly CloudEvent[], attempt: number): string {
  return storedPayload(
    events.map((event) => JSON.stringify(event)),
    attempt,
  );
}

function storedPayload(texts: readonly string[], attempt: number): string {
  const events = `[${texts.join(',')}]`;
  if (events.length < compressFrom) return `{"events":${events},"attempt":${attempt}}`;
  return `{"zstd":"${zstdCompressSync(events).toString('base64')}","attempt":${attempt}}`;
}

/** What `jobPayload` has stored. */
export function readPayload(stored: unknown): JobPayload {
  const payload = stored as StoredPayload;
  if (!('zstd' in payload)) return payload;
  const events = zstdDecompressSync(Buffer.from(payload.zstd, 'base64')).toString();
  return { events: JSON.parse(events) as CloudEvent[], attempt: payload.attempt };
}

/** One job per queue and hundred events, for the queues that read the events' types. */
export function jobsFor(namespace: string, events: readonly SerializedEvent[]): NewJob[] {
  return queueTable.flatMap(([name, types]) => {
    const own = events.filter((event) => types.includes(event.type)).map(({ text }) => text);
    const jobs: NewJob[] = [];
    for (let start = 0; start < own.length; start += eventsPerJob) {
      jobs.push({
        queue: busQueue(namespace, name),
        payload: storedPayload(own.slice(start, start + eventsPerJob), 1),
      });
    }
    return jobs;
  });
}

/**
 * Adds jobs in one statement, to be run in this order. They have no queue name in graphile-worker's sense: named queues
 * hide each other's jobs for a moment whenever several workers look for one.
 */
export async function addJobs(db: pg.Pool | pg.PoolClient, jobs: readonly NewJob[]): Promise<void> {
  if (jobs.length === 0) return;
  // Several queues read the same events: their payload is sent once. Not as an array, which would be quoted and parsed.
  const payloads = [...new Set(jobs.map(({ payload }) => payload))];
  const order = jobs.map(({ payload }) => payloads.indexOf(payload) + 1);
  const first = payloads.length + 1;
  const specs = order.map((number, place) => {
    const [queue, delay] = [`$${first + 2 * place}::text`, `$${first + 2 * place + 1}::int`];
    const runAt = `clock_timestamp() + ${delay} * interval '1 ms' + interval '${place} us'`;
    return `(${queue}, $${number}::json, null, ${runAt}, null, null, null, null)::bus.job_spec`;
  });
  await db.query({
    ...(jobs.length <= mostPrepared && { name: `add-jobs-${order.join('-')}` }),
    text: `select from bus.add_jobs(array[${specs.join(', ')}])`,
    values: [...payloads, ...jobs.flatMap(({ queue, delayMs = 0 }) => [queue, delayMs])],
  });
}
