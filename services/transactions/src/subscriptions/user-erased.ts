import { userErased } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { subscribe } from '@florin/messaging';
import { parseId } from '@florin/service';
import { forgetHoldTexts, forgetKeptAnswers, forgetPaymentTexts } from '../erasure/erasure-queries.ts';
import type { Tables } from '../tables.ts';

/**
 * Somebody has been erased: what they wrote outside the ledger goes. Transactions, entries and transfers that waited
 * for approval stay whole, texts included: they are sealed, and the books need them.
 */
export const onUserErased = subscribe(userErased, 'transactions.users', async (tx: Transaction<Tables>, events) => {
  const users = events.map((event) => parseId('usr', event.data.user)).filter((id) => id !== undefined);
  // In one order: several processes may read at once, and must not lock the rows crosswise.
  for (const user of users.sort()) {
    await forgetHoldTexts(tx, user);
    await forgetPaymentTexts(tx, user);
    await forgetKeptAnswers(tx, user);
  }
});
