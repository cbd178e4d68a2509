import type { holdCreated } from '@florin/contracts';
import type { WebhookDraft, WebhookType } from './webhook-event.ts';

type HoldChange = ReturnType<typeof holdCreated.parse>;

/** What the owner of the account is told of a hold in its new state. */
export function holdWebhook(type: Extract<WebhookType, `hold.${string}`>, { hold }: HoldChange): WebhookDraft {
  const { id, status, purpose, account, owner, to, amount, currency, captured, expiresAt, createdAt } = hold;
  const parties = { account, ...(to !== null && { to }) };
  const data = () => ({ id, status, purpose, ...parties, amount, currency, captured, expiresAt, createdAt });
  return { owner, type, data };
}
