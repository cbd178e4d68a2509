import { accountClosed } from '@florin/contracts';
import type { Database } from '@florin/database';
import { project } from '@florin/messaging';
import { accountNotice } from '../notifications/account-notices.ts';
import { insertNotices } from '../notifications/notification-queries.ts';
import type { Tables } from '../tables.ts';

export const onAccountClosed = project(accountClosed, 'notification.inbox', async (db: Database<Tables>, events) => {
  await insertNotices(
    db,
    events.map(({ id, data }) => ({ event: id, notices: [accountNotice('account.closed', data.account)] })),
  );
});
