import { accountFrozen } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { accountNotice } from '../notifications/account-notices.ts';
import type { Tables } from '../tables.ts';
import { accountWebhook } from '../webhook-events/account-webhooks.ts';
import { tell, type Wake } from './tell.ts';

export const onAccountFrozen = (wake: Wake) =>
  project(accountFrozen, 'notification.inbox', async (db: Database<Tables>, events) => {
    const tellings = events.map((event) => {
      const { account } = event.data;
      const webhooks = [accountWebhook('account.frozen', account)];
      return { event, notices: [accountNotice('account.frozen', account)], webhooks };
    });
    await tell(db, wake, tellings);
  });
