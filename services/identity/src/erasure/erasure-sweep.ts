import { startWorkLoop } from '@florin/service';
import { erasuresOldestSeconds } from '../metrics.ts';
import { type Repeated, repeat } from '../repeat.ts';
import type { Resources } from '../resources.ts';
import { carryOutErasure } from './carry-out-erasure.ts';
import { claimErasures, oldestErasureSeconds } from './erasure-queries.ts';

const pollMs = 1_000;
const measureMs = 15_000;

/**
 * Carries out the wishes whose request was interrupted, or answered while accounts was away. Any number of processes
 * may run it at once.
 */
export function startErasureSweep(resources: Resources, onError: (error: unknown) => void): Repeated {
  const loop = startWorkLoop({
    claim: (limit) => claimErasures(resources.db, limit),
    work: async (attempt) => void (await carryOutErasure(resources, attempt)),
    onError,
    concurrency: 2,
    pollMs,
  });
  const measuring = repeat(
    async () => erasuresOldestSeconds.set(await oldestErasureSeconds(resources.db)),
    measureMs,
    onError,
  );
  return { close: async () => void (await Promise.all([loop.close(), measuring.close()])) };
}
