import { accountUnfrozen } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { accountNotice } from '../notifications/account-notices.ts';
import { insertNotices } from '../notifications/notification-queries.ts';
import type { Tables } from '../tables.ts';

export const onAccountUnfrozen = subscribe(
  accountUnfrozen,
  'notification.inbox',
  async (tx: Transaction<Tables>, events) => {
    await insertNotices(
      tx,
      events.map(({ id, data }) => ({ event: id, notices: [accountNotice('account.unfrozen', data.account)] })),
    );
  },
);
