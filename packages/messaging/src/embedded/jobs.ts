import type { CloudEvent, QueueName } from '@florin/contracts';
import type pg from 'pg';
import { queueTable } from '../settings.ts';

/** What a job of the bus carries: events of one queue, and which attempt this is for all of them. */
export interface JobPayload {
  events: CloudEvent[];
  attempt: number;
}

/** A job to be added. */
export interface NewJob {
  /** The queue with its namespace: `busQueue`. */
  queue: string;
  payload: JobPayload;
  delayMs?: number;
}

/** Events in one job at most; they are handled as one batch. */
const eventsPerJob = 100;

/** Name of a queue in the bus, which may serve several namespaces. */
export function busQueue(namespace: string, queue: QueueName): string {
  return `${namespace}.${queue}`;
}

/** One job per queue and hundred events, for the queues that read the events' types. */
export function jobsFor(namespace: string, events: readonly CloudEvent[]): NewJob[] {
  return queueTable.flatMap(([name, types]) => {
    const own = events.filter((event) => types.includes(event.type));
    const jobs: NewJob[] = [];
    for (let start = 0; start < own.length; start += eventsPerJob) {
      const payload = { events: own.slice(start, start + eventsPerJob), attempt: 1 };
      jobs.push({ queue: busQueue(namespace, name), payload });
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
  await db.query({
    name: 'add-jobs',
    text: `select from bus.add_jobs(array(
      select (queue, payload, null, clock_timestamp() + delay * interval '1 millisecond', null, null, null, null)::bus.job_spec
      from unnest($1::text[], $2::json[], $3::int[]) with ordinality as job (queue, payload, delay, place)
      order by place))`,
    values: [
      jobs.map((job) => job.queue),
      jobs.map((job) => JSON.stringify(job.payload)),
      jobs.map((job) => job.delayMs ?? 0),
    ],
  });
}
