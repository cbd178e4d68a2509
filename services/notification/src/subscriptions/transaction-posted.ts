import { transactionPosted } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { noticesOfPosted } from '../notifications/transaction-notices.ts';
import type { Tables } from '../tables.ts';
import { webhooksOfPosted } from '../webhook-events/transaction-webhooks.ts';
import { tell, type Wake } from './tell.ts';

export const onTransactionPosted = (wake: Wake) =>
  project(transactionPosted, 'notification.inbox', async (db: Database<Tables>, events) => {
    const tellings = events.map((event) => {
      const { data } = event;
      return { event, notices: noticesOfPosted(data), webhooks: webhooksOfPosted(data) };
    });
    await tell(db, wake, tellings);
  });
