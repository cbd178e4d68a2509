import { type Database, inTransaction } from '@florin/database';
import { accountNotFound, checkingFields, refusal } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { readGoal } from './account.ts';
import { type AccountWithBalance, findAccount, updateDetails } from './account-queries.ts';
import { lockAccount } from './status-queries.ts';

/** What an owner may change of an account; what is undefined stays. A goal replaces the one before. */
export interface AccountPatch {
  name?: string;
  goal?: { amount: string; dueDate?: string };
}

/** @throws {ProblemError} not_found, account_closed, validation_failed for a goal that does not fit the account */
export async function updateAccount(
  db: Database<Tables>,
  target: { account: string; owner: string },
  patch: AccountPatch,
): Promise<AccountWithBalance> {
  return await inTransaction(db, async (tx) => {
    const account = await lockAccount(tx, target.account);
    if (account?.owner !== target.owner) throw accountNotFound();
    if (account.status === 'closed') throw refusal('account_closed');
    const today = new Date().toISOString().slice(0, 10);
    const goal = patch.goal && checkingFields(() => patch.goal && readGoal(patch.goal, account, today));
    await updateDetails(tx, account.id, { name: patch.name, goal });
    const updated = await findAccount(tx, account.id);
    if (!updated) throw accountNotFound();
    return updated;
  });
}
