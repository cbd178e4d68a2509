import { transactionFailed } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { insertNotices } from '../notifications/notification-queries.ts';
import { noticeOfFailed } from '../notifications/transaction-notices.ts';
import type { Tables } from '../tables.ts';

export const onTransactionFailed = project(
  transactionFailed,
  'notification.inbox',
  async (db: Database<Tables>, events) => {
    await insertNotices(
      db,
      events.map(({ id, data }) => ({ event: id, notices: [noticeOfFailed(data)] })),
    );
  },
);
