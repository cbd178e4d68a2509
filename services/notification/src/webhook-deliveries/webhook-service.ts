import type { Database } from '@florin/database';
import { startPeriodic } from '@florin/service';
import type { Tables } from '../tables.ts';
import { deriveWebhookKeys } from '../webhook-endpoints/endpoint-secrets.ts';
import { resolveByDns, resolveBySystem } from '../webhook-targets/resolve-host.ts';
import type { PrivateTargets } from '../webhook-targets/target-url.ts';
import type { Webhooks } from '../webhooks.ts';
import { startWebhooks, type WebhookOffice } from './deliver-webhooks.ts';
import { webhooksOldestDueSeconds, webhooksPending } from './delivery-metrics.ts';
import { measureBacklog } from './turn-queries.ts';

const measureMs = 15_000;

/** How webhooks are sent, as the settings say. */
export interface WebhookSettings {
  masterKey: Buffer;
  privateTargets: PrivateTargets;
  deadlineMs: number;
}

/** Delivers webhooks, measures what waits, and is what the routes work with. */
export function startWebhookService(
  db: Database<Tables>,
  { masterKey, privateTargets, deadlineMs }: WebhookSettings,
  logger: WebhookOffice['logger'],
): Webhooks & { close(): Promise<void> } {
  const resolve = privateTargets === 'allow' ? resolveBySystem : resolveByDns;
  const rules = { keys: deriveWebhookKeys(masterKey), privateTargets, resolve };
  if (privateTargets === 'allow') logger.warn({}, 'WEBHOOK_PRIVATE_TARGETS=allow: webhooks may reach inside');
  const sending = startWebhooks({ ...rules, db, deadlineMs, logger });
  const measuring = startPeriodic({
    everyMs: measureMs,
    work: () => measureWebhooks(db),
    onError: (error) => logger.error({ err: error }, 'waiting webhooks could not be counted'),
  });
  return {
    ...rules,
    wake: sending.wake,
    close: async () => void (await Promise.all([measuring.close(), sending.close()])),
  };
}

/** Brings the metrics of waiting webhooks up to date. */
export async function measureWebhooks(db: Database<Tables>): Promise<void> {
  const { pending, oldestSeconds } = await measureBacklog(db);
  webhooksPending.set(pending);
  webhooksOldestDueSeconds.set(oldestSeconds);
}
