import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@florin/database';
import type { Tables } from '../tables.ts';
import { readVersions } from './balance-queries.ts';

/** Lets requests wait for the projection. */
export interface VersionWatch {
  /** True as soon as the account's balance has that version or a newer one; false when `timeoutMs` is over before. */
  reached(account: string, version: bigint, timeoutMs: number): Promise<boolean>;
}

interface Waiter {
  account: string;
  version: bigint;
  settle(reached: boolean): void;
  fail(error: unknown): void;
}

const pollMs = 20;

/**
 * One query every 20 ms for all that wait in this process, and none while nobody waits. Asking the database rather than
 * the consumer makes no difference between an event consumed here and one consumed by another replica.
 */
export function watchVersions(db: Database<Tables>): VersionWatch {
  const waiters = new Set<Waiter>();
  let polling = false;

  async function poll(): Promise<void> {
    if (polling) return;
    polling = true;
    try {
      while (waiters.size > 0) {
        await answerWaiters();
        if (waiters.size > 0) await sleep(pollMs);
      }
    } catch (error) {
      for (const waiter of waiters) waiter.fail(error);
    } finally {
      polling = false;
    }
  }

  async function answerWaiters(): Promise<void> {
    const asked = [...waiters];
    const versions = await readVersions(db, [...new Set(asked.map((waiter) => waiter.account))]);
    for (const waiter of asked) if ((versions.get(waiter.account) ?? 0n) >= waiter.version) waiter.settle(true);
  }

  return {
    reached(account, version, timeoutMs) {
      const { promise, resolve, reject } = Promise.withResolvers<boolean>();
      const waiter = { account, version, settle: resolve, fail: reject };
      const timer = setTimeout(resolve, timeoutMs, false);
      waiters.add(waiter);
      void poll();
      return promise.finally(() => {
        clearTimeout(timer);
        waiters.delete(waiter);
      });
    },
  };
}
