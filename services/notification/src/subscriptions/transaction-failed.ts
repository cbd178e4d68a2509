import { transactionFailed } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { noticeOfFailed } from '../notifications/transaction-notices.ts';
import type { Tables } from '../tables.ts';
import { webhookOfFailed } from '../webhook-events/transaction-webhooks.ts';
import { tell, type Wake } from './tell.ts';

export const onTransactionFailed = (wake: Wake) =>
  project(transactionFailed, 'notification.inbox', async (db: Database<Tables>, events) => {
    const tellings = events.map((event) => {
      const { data } = event;
      return { event, notices: [noticeOfFailed(data)], webhooks: [webhookOfFailed(data)] };
    });
    await tell(db, wake, tellings);
  });
