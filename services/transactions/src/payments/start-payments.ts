import { startCallingProvider } from './call-providers.ts';
import type { LedgerAccess } from './end-payment.ts';
import { oldestPendingSeconds, pendingPayments } from './payment-metrics.ts';
import { pendingSummary } from './payment-queries.ts';
import type { PaymentConfig } from './payment-settings.ts';
import { guardProvider } from './provider-calls.ts';
import { openProviders, type Providers } from './providers/providers.ts';

const metricsEveryMs = 5_000;

/** Payments at work: what the routes need, and the background work behind it. */
export interface Payments {
  access: LedgerAccess;
  providers: Providers;
  /** Has due payments looked at now: call it after one was written. */
  wake(): void;
  /** Ends the background work at once; what calls under way came to is found out after the next start. */
  close(): Promise<void>;
}

/** Starts calling the configured providers about payments that have not ended. */
export function startPayments(access: LedgerAccess, config: PaymentConfig): Payments {
  const providers = openProviders(config.providers);
  const { reconcileAfterMs } = config;
  const guarded = [...providers].map(([name, provider]) => ({ name, provider: guardProvider(name, provider) }));
  const loops = guarded.map((one) => startCallingProvider(access, { ...one, reconcileAfterMs }));
  const stopMetrics = refreshMetrics(access);
  return {
    access,
    providers,
    wake() {
      for (const loop of loops) loop.wake();
    },
    async close() {
      stopMetrics();
      // Broken off, not waited for: whoever comes next makes the calls again.
      for (const { provider } of guarded) provider.close();
      await Promise.all(loops.map((loop) => loop.close()));
    },
  };
}

function refreshMetrics({ db, logger }: LedgerAccess): () => void {
  const refresh = async () => {
    const { count, oldestSeconds } = await pendingSummary(db);
    pendingPayments.set(count);
    oldestPendingSeconds.set(oldestSeconds);
  };
  const timer = setInterval(() => {
    refresh().catch((error: unknown) => logger.warn({ err: error }, 'pending payments could not be counted'));
  }, metricsEveryMs);
  return () => clearInterval(timer);
}
