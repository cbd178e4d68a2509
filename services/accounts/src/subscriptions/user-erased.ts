import { userErased } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { parseId } from '@florin/service';
import { eraseOwner } from '../owners/erase-owner.ts';
import type { Tables } from '../tables.ts';

/** Somebody has been erased: what they wrote on their accounts goes. */
export const onUserErased = subscribe(userErased, 'accounts.users', async (tx: Transaction<Tables>, events) => {
  const owners = events.map((event) => parseId('usr', event.data.user)).filter((id) => id !== undefined);
  // In one order: several processes may read at once, and must not lock the rows crosswise.
  for (const owner of owners.sort()) await eraseOwner(tx, owner);
});
