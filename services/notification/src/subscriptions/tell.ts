import type { CloudEvent } from '@florin/contracts';
import type { Database } from '@florin/database';
import type { Notice } from '../notifications/notification.ts';
import { insertNotices } from '../notifications/notification-queries.ts';
import type { Tables } from '../tables.ts';
import { recordWebhooks } from '../webhook-events/record-webhooks.ts';
import type { WebhookDraft } from '../webhook-events/webhook-event.ts';

/** Says that there are webhooks to deliver. */
export type Wake = () => void;

/** What is told of one event: to people in their inbox, and to their endpoints. */
export interface Telling {
  readonly event: CloudEvent;
  readonly notices?: readonly Notice[];
  readonly webhooks: readonly WebhookDraft[];
}

/** Tells of events. Repeats change nothing, neither of the whole nor of the part that a crash in between has left undone. */
export async function tell(db: Database<Tables>, wake: Wake, tellings: readonly Telling[]): Promise<void> {
  const told = tellings.map(({ event, notices = [] }) => ({ event: event.id, notices }));
  await insertNotices(db, told);
  if (await recordWebhooks(db, tellings)) wake();
}
