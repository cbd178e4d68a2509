import type { CloudEvent, QueueName } from '@florin/contracts';
import { compressText, unpackEvents } from '@florin/database';
import type pg from 'pg';
import { isPacked, type ReadyParcel, sizeOf } from '../parcel.ts';
import { queueTable } from '../settings.ts';

/** What a job of the bus carries: events of one queue, and which attempt this is for all of them. */
export interface JobPayload {
  events: readonly CloudEvent[];
  attempt: number;
}

/** A JobPayload in the table. `zstd`: the events in one or more packs, each the base64 of a JSON array by zstd. */
type StoredPayload = JobPayload | { zstd: readonly string[]; attempt: number };

/** A job to be added. */
export interface NewJob {
  /** The queue with its namespace: `busQueue`. */
  queue: string;
  /** From `jobPayload`. */
  payload: string;
  delayMs?: number;
}

/** Events in one job at most; they are handled as one batch. */
const eventsPerJob = 1_000;
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
  return writtenPayload(
    events.map((event) => JSON.stringify(event)),
    attempt,
  );
}

function writtenPayload(texts: readonly string[], attempt: number): string {
  const events = `[${texts.join(',')}]`;
  if (events.length < compressFrom) return `{"events":${events},"attempt":${attempt}}`;
  return packedPayload([compressText(events)], attempt);
}

function packedPayload(zstd: readonly string[], attempt: number): string {
  return JSON.stringify({ zstd, attempt } satisfies StoredPayload);
}

/** What `jobPayload` has stored. */
export function readPayload(stored: unknown): JobPayload {
  const payload = stored as StoredPayload;
  if (!('zstd' in payload)) return payload;
  return { events: payload.zstd.flatMap((zstd) => unpackEvents({ zstd })), attempt: payload.attempt };
}

/** Jobs for the queues that read the events' types, in the order of the parcels. */
export function jobsFor(namespace: string, parcels: readonly ReadyParcel[]): NewJob[] {
  return queueTable.flatMap(([name, types]) =>
    loadsOf(parcels.filter(({ type }) => types.includes(type))).map((load) => ({
      queue: busQueue(namespace, name),
      payload: payloadOf(load),
    })),
  );
}

/** What a job can carry together: events, or packs, which are not opened here. */
function loadsOf(parcels: readonly ReadyParcel[]): [ReadyParcel, ...ReadyParcel[]][] {
  const loads: [ReadyParcel, ...ReadyParcel[]][] = [];
  for (const parcel of parcels) {
    const load = loads.at(-1);
    const fits = load && isPacked(load[0]) === isPacked(parcel) && sizeOf(load) + sizeOf([parcel]) <= eventsPerJob;
    if (fits) load.push(parcel);
    else loads.push([parcel]);
  }
  return loads;
}

function payloadOf(load: readonly ReadyParcel[]): string {
  const packs = load.filter(isPacked);
  if (packs.length > 0)
    return packedPayload(
      packs.map(({ zstd }) => zstd),
      1,
    );
  return writtenPayload(
    load.flatMap((parcel) => (isPacked(parcel) ? [] : parcel.text)),
    1,
  );
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
