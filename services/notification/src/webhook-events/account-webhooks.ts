import type { accountOpened } from '@florin/contracts';
import type { WebhookDraft, WebhookType } from './webhook-event.ts';

type Account = ReturnType<typeof accountOpened.parse>['account'];

/** What the owner is told of a change of the account's life. The operator's reason stays inside the bank. */
export function accountWebhook(type: Extract<WebhookType, `account.${string}`>, account: Account): WebhookDraft {
  const { id, owner, name, type: product, currency, accountNumber, status } = account;
  return { owner, type, data: () => ({ id, owner, name, type: product, currency, accountNumber, status }) };
}
