import { userErased } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { parseId } from '@florin/service';
import { eraseUsers } from '../erasure/erase-users.ts';
import type { Tables } from '../tables.ts';

export const onUserErased = subscribe(userErased, 'notification.inbox', async (tx: Transaction<Tables>, events) => {
  const users = events.map(({ data }) => parseId('usr', data.user)).filter((id) => id !== undefined);
  if (users.length > 0) await eraseUsers(tx, users);
});
