import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@florin/database';
import type { FastifyBaseLogger } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Tables } from '../tables.ts';
import type { SealKey } from './seal-key.ts';
import { maxSealSize, sealNext } from './seal-ledger.ts';

const sealed = new Counter({ name: 'ledger_sealed_transactions_total', help: 'Transactions sealed by this process' });
const failures = new Counter({ name: 'ledger_seal_failures_total', help: 'Runs of the sealing job that failed' });
const lookedAt = new Gauge({
  name: 'ledger_seal_run_timestamp_seconds',
  help: 'When this process last looked for transactions to seal, without failing',
});

/** How sealing is run. */
export interface SealingOptions {
  readonly intervalMs: number;
  readonly key: SealKey;
  readonly logger: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

/**
 * Seals new transactions again and again. Every replica may run it: they take turns. Each seal is logged with its hash, so
 * that logs kept elsewhere tell when seals are cut off the end of the chain.
 */
export function startSealing(db: Database<Tables>, options: SealingOptions): { close(): Promise<void> } {
  const abort = new AbortController();

  async function run(): Promise<void> {
    let size = maxSealSize;
    while (size === maxSealSize && !abort.signal.aborted) {
      const seal = await sealNext(db, options.key, () => new Date());
      size = seal?.size ?? 0;
      if (!seal) break;
      sealed.inc(size);
      options.logger.info({ seal: String(seal.number), hash: seal.hash.toString('hex'), size }, 'transactions sealed');
    }
    lookedAt.setToCurrentTime();
  }

  async function loop(): Promise<void> {
    while (!abort.signal.aborted) {
      await run().catch((error: unknown) => {
        failures.inc();
        options.logger.warn({ err: error }, 'transactions could not be sealed');
      });
      await sleep(options.intervalMs, undefined, { signal: abort.signal }).catch(() => {});
    }
  }

  const running = loop();
  return {
    async close() {
      abort.abort();
      await running;
    },
  };
}
