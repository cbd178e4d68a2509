import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '@florin/database';
import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import { type BatchDecision, type BatchWrites, decideBatch } from './batch-decision.ts';
import { lockAndRead } from './batch-reads.ts';
import { batchRetries } from './engine-metrics.ts';
import { type BatchLane, DatabaseAwayError, UnknownOutcomeError } from './lane.ts';
import type { WaitingCommand } from './waiting-command.ts';
import { WorkingLedger } from './working-ledger.ts';
import { writeBatch } from './write-batch.ts';

/** What running batches needs. `clock` gives the time of the entries. */
export interface BatchRunnerOptions {
  readonly clock: () => Date;
  readonly logger: Pick<FastifyBaseLogger, 'error' | 'warn'>;
}

const conflictAttempts = 10;

/**
 * Runs the batch until each of its commands is answered; never throws.
 *
 * Deadlocks, serialisation failures, lock timeouts and a key that another replica used at the same moment: all again.
 * Database away: again until the commands' deadlines. A commit whose answer was lost: again, asking first whether it
 * took place. Anything else is blamed on one of the commands and found by halving.
 */
export async function runBatch(
  lane: BatchLane,
  batch: readonly WaitingCommand[],
  options: BatchRunnerOptions,
): Promise<void> {
  let items = batch;
  let doubtful = false;
  for (let attempt = 1; items.length > 0; attempt++) {
    try {
      return await runOnce(lane, items, options);
    } catch (error) {
      const reason = retryReason(error, doubtful);
      doubtful ||= reason === 'unknown';
      if (reason === undefined) return await runHalves(lane, items, error, options);
      batchRetries.inc({ reason });
      // A conflict now and then is what replicas and impatient clients make; several in a row are not.
      if (attempt === (reason === 'conflict' ? 4 : 1))
        options.logger.warn({ err: error, reason, size: items.length }, 'Ledger batch is run again');
      if (reason === 'conflict' && attempt >= conflictAttempts) return refuseAll(items, error);
      await sleep(Math.random() * Math.min(200, 5 * 2 ** attempt));
      items = refuseLate(items, error);
    }
  }
}

async function runOnce(lane: BatchLane, all: readonly WaitingCommand[], options: BatchRunnerOptions): Promise<void> {
  const rows = await lockAndRead(lane, all, options.clock());
  const items = all.filter((item) => !settledByEarlierCommit(item, rows.found));
  const ledger = new WorkingLedger(rows.accounts, rows.payments, options.clock, rows);
  const decision = decideBatch(
    items.map((item) => item.command),
    ledger,
    rows.answers,
  );
  if (isEmpty(decision.writes)) {
    await lane.rollback();
  } else {
    await commit(lane, items, decision, rows.places, options.clock());
  }
  items.forEach((item, index) => {
    const outcome = decision.outcomes[index];
    if (outcome) item.finish(outcome);
  });
}

async function commit(
  lane: BatchLane,
  items: readonly WaitingCommand[],
  { writes, outcomes }: BatchDecision,
  places: ReadonlyMap<string, string>,
  now: Date,
): Promise<void> {
  try {
    await lane.commit(writeBatch(writes, places, now));
  } catch (error) {
    if (error instanceof UnknownOutcomeError) {
      items.forEach((item, index) => {
        const outcome = outcomes[index];
        if (outcome)
          item.pending = { outcome, transactionIds: outcome.kind === 'applied' ? outcome.transactionIds : [] };
      });
    }
    throw error;
  }
}

/**
 * The accounts are locked again, so the transaction whose commit was lost has ended: what it left is final. Without a
 * trace of it the command is decided afresh; its key, if kept, then gives a replay.
 */
function settledByEarlierCommit(item: WaitingCommand, found: ReadonlySet<string>): boolean {
  const { pending } = item;
  item.pending = undefined;
  if (!pending || pending.transactionIds.length === 0) return false;
  if (!pending.transactionIds.every((id) => found.has(id))) return false;
  item.finish(pending.outcome);
  return true;
}

async function runHalves(
  lane: BatchLane,
  items: readonly WaitingCommand[],
  error: unknown,
  options: BatchRunnerOptions,
): Promise<void> {
  const [only, second] = items;
  if (only && !second) {
    options.logger.error({ err: error, command: only.command.kind }, 'Ledger command failed');
    return only.finish({ kind: 'failed', error });
  }
  batchRetries.inc({ reason: 'split' });
  const middle = Math.ceil(items.length / 2);
  await runBatch(lane, items.slice(0, middle), options);
  await runBatch(lane, items.slice(middle), options);
}

function refuseAll(items: readonly WaitingCommand[], cause: unknown): void {
  for (const item of items) item.refuse(cause);
}

function refuseLate(items: readonly WaitingCommand[], cause: unknown): WaitingCommand[] {
  const now = Date.now();
  refuseAll(
    items.filter((item) => item.deadline < now),
    cause,
  );
  return items.filter((item) => item.deadline >= now);
}

/** Deadlock, serialisation failure, lock and statement timeout. */
const conflicts = new Set(['40001', '40P01', '55P03', '57014']);

/** `doubtful`: a commit of this batch was lost, so that its rows may be there and be found by the next attempt. */
function retryReason(error: unknown, doubtful: boolean): 'conflict' | 'away' | 'unknown' | undefined {
  if (error instanceof UnknownOutcomeError) return 'unknown';
  if (error instanceof DatabaseAwayError) return 'away';
  const code = errorCode(error) ?? '';
  if (conflicts.has(code)) return 'conflict';
  const keyIsTaken = error instanceof pg.DatabaseError && error.table === 'idempotency_keys';
  if (code === '23505' && (doubtful || keyIsTaken)) return 'conflict';
  // Out of resources, read-only after a failover, I/O error: the database's trouble, not a command's.
  return /^(53|58|25006)/.test(code) ? 'away' : undefined;
}

function isEmpty(writes: BatchWrites): boolean {
  return Object.values(writes).every((rows) => rows.length === 0);
}
