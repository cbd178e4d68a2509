import { accountOpened } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { accountNotice } from '../notifications/account-notices.ts';
import type { Tables } from '../tables.ts';
import { accountWebhook } from '../webhook-events/account-webhooks.ts';
import { tell, type Wake } from './tell.ts';

export const onAccountOpened = (wake: Wake) =>
  project(accountOpened, 'notification.inbox', async (db: Database<Tables>, events) => {
    const tellings = events.map((event) => {
      const { account } = event.data;
      const webhooks = [accountWebhook('account.opened', account)];
      return { event, notices: [accountNotice('account.opened', account)], webhooks };
    });
    await tell(db, wake, tellings);
  });
