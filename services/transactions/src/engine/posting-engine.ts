import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { type BatchRunnerOptions, runBatch } from './batch-runner.ts';
import type { Command, SubmittedAnswer } from './command.ts';
import { batchSeconds, batchSize, watchQueue } from './engine-metrics.ts';
import { type BatchLane, Lane, type LaneOptions } from './lane.ts';
import { unavailable, WaitingCommand } from './waiting-command.ts';

/** The only way money moves. */
export interface PostingEngine {
  /**
   * Resolves after the commit with the rule's answer, or the one kept under the command's key. Rejects with the rule's
   * own error, with idempotency_key_reused, or with upstream_unavailable where the command did not run or, after a
   * lost connection, its fate could not be found out in time.
   */
  submit(command: Command): Promise<SubmittedAnswer>;
  /** Refuses new commands, answers those waiting, then disconnects. */
  close(): Promise<void>;
}

/** Sizes and limits of an engine. */
export interface PostingEngineOptions extends BatchRunnerOptions {
  readonly database: LaneOptions;
  /** Connections, each with a batch of its own under way. */
  readonly lanes: number;
  /** Commands in a batch at most, by their weights; a heavier one is a batch of its own. */
  readonly maxBatch: number;
  /** Commands waiting at most, by their weights; beyond it they are refused. */
  readonly maxQueue: number;
  /** A command that has waited this long is refused instead of started, milliseconds. */
  readonly deadlineMs: number;
}

/** A lane of the engine's own, which it closes. */
export type EngineLane = BatchLane & Pick<Lane, 'close'>;

/**
 * While a batch is under way, another begins only with commands of this weight. Fewer wait for the lane that is at work:
 * what a batch costs whatever its size would be shared by too few.
 */
const leastFurtherBatch = 32;

/**
 * After a batch of several commands the next begins with this weight, or after this time: at a moderate rate commands come
 * one by one, and each alone would cost a batch. Who calls alone never waits.
 */
const gathering = { several: 3, weight: 8, ms: 4 };

/** Starts an engine. It connects with the first command. `openLane` is for tests that plant a fault. */
export function createPostingEngine(
  options: PostingEngineOptions,
  openLane: (database: LaneOptions) => EngineLane = (database) => new Lane(database),
): PostingEngine {
  const queue: WaitingCommand[] = [];
  let queuedWeight = 0;
  const idle = Array.from({ length: options.lanes }, () => openLane(options.database));
  let closing: PromiseWithResolvers<void> | undefined;
  let lastBatch = 0;
  const startLater = atMostOnce(startBatches);
  const unwatch = watchQueue(() => queue.length);

  function schedule(): void {
    const isGathering = lastBatch >= gathering.several && queuedWeight < gathering.weight;
    startLater(isGathering ? gathering.ms : 0);
  }

  function startBatches(): void {
    while (queue.length > 0) {
      if (idle.length < options.lanes && queuedWeight < leastFurtherBatch) return;
      // Shared out among the idle lanes, so that one batch is decided here while the database writes another.
      const share = Math.max(leastFurtherBatch, Math.ceil(queuedWeight / idle.length));
      const lane = idle.pop();
      if (!lane) return;
      const batch = takeBatch(Math.min(share, options.maxBatch));
      if (batch.length === 0) idle.push(lane);
      else void work(lane, batch);
    }
    if (idle.length === options.lanes) closing?.resolve();
  }

  /** Those next in the queue that weigh `most` together, but one at least. */
  function takeBatch(most: number): WaitingCommand[] {
    const now = Date.now();
    let [count, weight] = [0, 0];
    for (const { command } of queue) {
      if (count > 0 && weight + weightOf(command) > most) break;
      weight += weightOf(command);
      count += 1;
    }
    const taken = queue.splice(0, count);
    queuedWeight -= weight;
    const batch = taken.filter((item) => item.deadline >= now);
    for (const item of taken) if (item.deadline < now) item.refuse(new Error('Waited past its deadline'));
    for (const item of batch) item.start(now, batch.length);
    return batch;
  }

  async function work(lane: EngineLane, batch: readonly WaitingCommand[]): Promise<void> {
    batchSize.observe(batch.length);
    lastBatch = batch.length;
    const endTimer = batchSeconds.startTimer();
    const recorded = batch.values().map((item) => item.recordedContext());
    const sqlContext = recorded.find((found) => found !== undefined) ?? ROOT_CONTEXT;
    await context.with(sqlContext, () => runBatch(lane, batch, options));
    endTimer();
    idle.push(lane);
    schedule();
  }

  return {
    submit(command) {
      const isFull = queue.length > 0 && queuedWeight + weightOf(command) > options.maxQueue;
      if (closing || isFull) {
        return Promise.reject(unavailable('The ledger takes no more commands now; nothing has happened.'));
      }
      const item = new WaitingCommand(command, Date.now(), options.deadlineMs);
      queue.push(item);
      queuedWeight += weightOf(command);
      schedule();
      return item.answer;
    },
    async close() {
      closing ??= Promise.withResolvers();
      schedule();
      await closing.promise;
      unwatch();
      await Promise.all(idle.map((lane) => lane.close()));
    },
  };
}

/**
 * Runs `work` once, however often it is asked for before: after so many milliseconds, or sooner if asked for sooner later on,
 * at the earliest after the requests that arrived in the same turn of the event loop.
 */
function atMostOnce(work: () => void): (afterMs: number) => void {
  let immediate: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  const run = () => {
    clearTimeout(timer);
    immediate = timer = undefined;
    work();
  };
  return (afterMs) => {
    if (afterMs <= 0) immediate ??= setImmediate(run);
    else if (immediate === undefined) timer ??= setTimeout(run, afterMs);
  };
}

function weightOf({ weight = 1 }: Command): number {
  return weight;
}
