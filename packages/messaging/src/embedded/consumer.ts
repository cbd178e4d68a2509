import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueName } from '@florin/contracts';
import { type JobHelpers, type Runner, run, type WorkerEvents } from 'graphile-worker';
import { delayAfter, describeFailure } from '../retry-policy.ts';
import type { TransportSettings } from '../settings.ts';
import type { BatchHandler, Closable, Settlement } from '../transport.ts';
import type { BusDatabase } from './bus-database.ts';
import { buryEvents } from './dead-letters.ts';
import { graphileOptions } from './graphile.ts';
import { addJobs, busQueue, type JobPayload, jobPayload, type NewJob, readPayload } from './jobs.ts';
import { announceWorker, startUnlocking } from './worker-liveness.ts';

/** What a consumer of one queue is made of. */
export interface ConsumerParts {
  settings: TransportSettings;
  bus: BusDatabase;
  queue: QueueName;
  handle: BatchHandler;
}

const pollMs = 1_000;
const restartMs = 1_000;
const drainMs = 3_000;
/** Starts of a job that never ended, because its process did: after these its events are run one by one, … */
const splitAfterStarts = 3;
/** … and after these an event is given up. */
const giveUpAfterStarts = 20;

/**
 * Runs the jobs of one queue, one after the other; each holds up to 1000 events and is handled as one batch.
 * graphile-worker is started again when it gives up, as it does when the database is away for long.
 */
export function startBusConsumer(parts: ConsumerParts): Closable {
  const closing = new AbortController();
  const abandoning = new AbortController();
  let runner: Runner | undefined;

  async function keep(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await unlessAborted(closing.signal, parts.bus.ready);
        const started = await startRunner(parts, abandoning.signal);
        runner = started.runner;
        if (closing.signal.aborted) await runner.stop();
        await runner.promise;
        await started.release();
      } catch (error) {
        if (closing.signal.aborted) return;
        parts.settings.logger.warn({ queue: parts.queue, failure: describeFailure(error) }, 'bus worker stopped');
      }
      runner = undefined;
      await sleep(restartMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  const kept = keep();
  return {
    close: async () => {
      closing.abort();
      // A job that is still running when the pool ends would end the process with it: after a while it is given back.
      const timer = setTimeout(() => abandoning.abort(), drainMs);
      await runner?.stop().catch(() => {});
      await kept;
      clearTimeout(timer);
    },
  };
}

/** The promise's answer, or a rejection as soon as the signal is aborted. */
async function unlessAborted<Result>(signal: AbortSignal, promise: Promise<Result>): Promise<Result> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('closed meanwhile'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function startRunner(
  parts: ConsumerParts,
  abandoned: AbortSignal,
): Promise<{ runner: Runner; release: () => Promise<void> }> {
  const { settings, bus } = parts;
  const events: WorkerEvents = new EventEmitter();
  let release = async () => {};
  events.on('pool:create', ({ workerPool }) => {
    const announced = announceWorker(settings, workerPool.id);
    const unlocking = startUnlocking(settings, bus);
    release = async () => {
      await Promise.all([announced.close(), unlocking.close()]);
    };
  });
  const runner = await run({
    ...graphileOptions(settings, bus.workers),
    events,
    concurrency: 1,
    pollInterval: pollMs,
    noHandleSignals: true,
    parsedCronItems: [],
    // Batched, a job that cannot be marked as done stops the worker, which is then started again; otherwise
    // graphile-worker leaves a rejected promise behind, which ends the process.
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    taskList: {
      [busQueue(settings.namespace, parts.queue)]: (payload, helpers) =>
        runJob(parts, readPayload(payload), helpers, abandoned),
    },
  });
  return { runner, release: () => release() };
}

async function runJob(
  parts: ConsumerParts,
  payload: JobPayload,
  { job }: JobHelpers,
  abandoned: AbortSignal,
): Promise<void> {
  const { events, attempt } = payload;
  const queue = busQueue(parts.settings.namespace, parts.queue);
  if (job.attempts > splitAfterStarts && events.length > 1) {
    const singles = events.map((event): NewJob => ({ queue, payload: jobPayload([event], attempt) }));
    await addJobs(parts.bus.pool, singles);
    return;
  }
  const settlements =
    job.attempts > giveUpAfterStarts
      ? events.map(
          (): Settlement => ({ outcome: 'dead', failure: 'redelivered too often: its consumer crashed each time' }),
        )
      : await handleUntilSettled(parts, payload, abandoned);
  await moveFailed(parts, payload, settlements);
}

/** A handler that throws keeps its job, so that neither order nor attempts are lost. */
async function handleUntilSettled(
  parts: ConsumerParts,
  payload: JobPayload,
  abandoned: AbortSignal,
): Promise<readonly Settlement[]> {
  const deliveries = payload.events.map((event) => ({ event, attempt: payload.attempt }));
  for (;;) {
    try {
      return await unlessAborted(abandoned, parts.handle(deliveries));
    } catch (error) {
      if (abandoned.aborted) throw error;
      parts.settings.logger.error(
        { queue: parts.queue, failure: describeFailure(error) },
        'batch not handled, it comes again',
      );
      await sleep(restartMs, undefined, { signal: abandoned });
    }
  }
}

/** Failed events go on as jobs of their own or to the dead letters before this job counts as done. */
async function moveFailed(
  parts: ConsumerParts,
  { events, attempt }: JobPayload,
  settlements: readonly Settlement[],
): Promise<void> {
  const queue = busQueue(parts.settings.namespace, parts.queue);
  const again: NewJob[] = [];
  const dead: { event: (typeof events)[number]; failure: string; attempts: number }[] = [];
  for (const [index, event] of events.entries()) {
    const settlement = settlements[index];
    if (!settlement || settlement.outcome === 'done') continue;
    const delayMs = settlement.outcome === 'retry' ? delayAfter(attempt, parts.settings.retryDelaysMs) : undefined;
    if (delayMs === undefined) dead.push({ event, failure: settlement.failure, attempts: attempt });
    else again.push({ queue, payload: jobPayload([event], attempt + 1), delayMs });
  }
  await addJobs(parts.bus.pool, again);
  await buryEvents(parts.bus.pool, queue, dead);
}
