import { appendEvents, type Transaction } from '@florin/database';
import { freezeEvent } from '../accounts/account-events.ts';
import { changeStatus } from '../accounts/status-queries.ts';
import type { Tables } from '../tables.ts';
import {
  forgetDetails,
  forgetKeptAnswers,
  forgetPayees,
  lockLiveAccounts,
  lockOwner,
  markErased,
} from './owner-queries.ts';

const reason = 'owner_erased';

/**
 * Forgets what an erased owner wrote: names of accounts, goals, payees, kept answers. What the books need stays.
 *
 * Identity erases nobody who has an account, so none should be open; one that is, as after a restore of one service
 * alone, is frozen, so that no money moves for somebody who does not exist, and an operator finds it. May be repeated.
 */
export async function eraseOwner(tx: Transaction<Tables>, owner: string): Promise<void> {
  await lockOwner(tx, owner);
  await markErased(tx, owner);
  await forgetDetails(tx, owner);
  await forgetPayees(tx, owner);
  await forgetKeptAnswers(tx, owner);
  for (const account of await lockLiveAccounts(tx, owner)) {
    const frozen = await changeStatus(tx, account, 'frozen', { actor: null, reason });
    await appendEvents(tx, [freezeEvent('freeze', frozen, reason)]);
  }
}
