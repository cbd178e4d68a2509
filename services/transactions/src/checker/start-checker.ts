import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@florin/database';
import { firstUuidAt } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Tables } from '../tables.ts';
import {
  checkAccounts,
  checkCurrencySums,
  checkTransactions,
  invariants,
  paymentsPostedBetween,
  transactionsBetween,
  type Violation,
} from './invariants.ts';

const violations = new Gauge({
  name: 'ledger_invariant_violations',
  help: 'Violations of the invariants found since the start of the process; anything but 0 is an alarm',
  labelNames: ['invariant'],
});
const checked = new Counter({ name: 'ledger_checked_transactions_total', help: 'Transactions checked' });
const lagSeconds = new Gauge({ name: 'ledger_check_lag_seconds', help: 'Age of the newest transaction checked' });

// Some milliseconds of a core, after which others have their turn.
const sliceSize = 250;
// A transaction's id is made up to a few seconds before it is committed: younger ones are left to the next run.
const settleMs = 15_000;
const lookBackMs = 3_600_000;
// What reads all accounts takes this share of the time at most.
const wholeShare = 0.01;

/** How the checker is run. */
export interface CheckerOptions {
  readonly intervalMs: number;
  readonly logger: Pick<FastifyBaseLogger, 'error' | 'warn'>;
}

/**
 * Checks the invariants of everything posted from an hour before the start on, a few seconds behind. Under load it
 * takes a tenth of its interval at most, every other moment of it, and falls behind, which `ledger_check_lag_seconds` shows.
 * What all accounts must be read for is checked in each run while that is quick, and more seldom the longer it takes.
 */
export function startChecker(db: Database<Tables>, options: CheckerOptions): { close(): Promise<void> } {
  const abort = new AbortController();
  const found = new Set<string>();
  for (const invariant of invariants) violations.set({ invariant }, 0);
  let wholeDue = 0;
  const position = { id: firstUuidAt(Date.now() - lookBackMs), time: new Date(Date.now() - lookBackMs) };

  function report(wrong: readonly Violation[]): void {
    for (const { invariant, subject } of wrong) {
      if (found.has(`${invariant} ${subject}`)) continue;
      found.add(`${invariant} ${subject}`);
      violations.inc({ invariant });
      options.logger.error({ invariant, subject }, 'the ledger breaks an invariant');
    }
  }

  async function run(): Promise<void> {
    const started = Date.now();
    const upTo = started - settleMs;
    if (started >= wholeDue) {
      report(await checkCurrencySums(db));
      report(await checkAccounts(db));
      wholeDue = started + (Date.now() - started) / wholeShare;
    }
    const time = new Date(upTo);
    report(await checkTransactions(db, await paymentsPostedBetween(db, position.time, time)));
    position.time = time;
    let ids: string[];
    do {
      const sliceStarted = performance.now();
      ids = await transactionsBetween(db, position.id, firstUuidAt(upTo), sliceSize);
      report(await checkTransactions(db, ids));
      checked.inc(ids.length);
      position.id = ids.at(-1) ?? firstUuidAt(upTo);
      await pause(performance.now() - sliceStarted);
    } while (ids.length === sliceSize && Date.now() - started < options.intervalMs / 10);
    lagSeconds.set((Date.now() - timeOf(position.id)) / 1000);
  }

  async function loop(): Promise<void> {
    while (!abort.signal.aborted) {
      await run().catch((error: unknown) => options.logger.warn({ err: error }, 'the ledger could not be checked'));
      await pause(options.intervalMs);
    }
  }

  /** No longer than until the checker is closed. */
  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: abort.signal }).catch(() => {});
  }

  const running = loop();
  return {
    async close() {
      abort.abort();
      await running;
    },
  };
}

/** Epoch milliseconds of a UUIDv7. */
function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
