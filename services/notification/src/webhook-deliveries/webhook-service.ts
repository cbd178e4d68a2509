import type { Database } from '@florin/database';
import { startPeriodic } from '@florin/service';
import type { Tables } from '../tables.ts';
import { changeSecretsKey } from '../webhook-endpoints/change-secrets-key.ts';
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
  /** What things were encrypted with before. */
  previousKey: Buffer | undefined;
  privateTargets: PrivateTargets;
  deadlineMs: number;
}

/** Delivers webhooks, measures what waits, and is what the routes work with. Nothing is sent before its secret can be read. */
export async function openWebhookService(
  db: Database<Tables>,
  { masterKey, previousKey, privateTargets, deadlineMs }: WebhookSettings,
  logger: WebhookOffice['logger'],
): Promise<Webhooks & { close(): Promise<void> }> {
  const resolve = privateTargets === 'allow' ? resolveBySystem : resolveByDns;
  const rules = { keys: deriveWebhookKeys(masterKey), privateTargets, resolve };
  if (previousKey) {
    const changed = await changeSecretsKey(db, { from: deriveWebhookKeys(previousKey), to: rules.keys });
    // Not under the names of secrets, whose values no line shows.
    logger.warn({ endpoints: changed.secrets, answers: changed.keptAnswers }, 'webhook secrets encrypted anew');
  }
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
