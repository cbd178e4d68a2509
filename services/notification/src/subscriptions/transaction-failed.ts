import { transactionFailed } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { insertNotices } from '../notifications/notification-queries.ts';
import { noticeOfFailed } from '../notifications/transaction-notices.ts';
import type { Tables } from '../tables.ts';

export const onTransactionFailed = subscribe(
  transactionFailed,
  'notification.inbox',
  async (tx: Transaction<Tables>, events) => {
    await insertNotices(
      tx,
      events.map(({ id, data }) => ({ event: id, notices: [noticeOfFailed(data)] })),
    );
  },
);
