import { accountNotFound, ledgerUnavailable, refusal } from '../errors.ts';
import { type AccountWithBalance, findAccount } from './account-queries.ts';
import { decideStatus } from './change-status.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/**
 * Closes an empty account for its owner. The intent is written first, the ledger decides under its own lock whether the
 * account is empty, and its answer is written down; whatever is interrupted in between, the sweep finishes.
 *
 * @throws {ProblemError} not_found, account_not_active, account_frozen, account_not_empty, upstream_unavailable
 */
export async function closeAccount(bank: Bank, account: string, owner: string): Promise<AccountWithBalance> {
  const decided = await decideStatus(bank, {
    account,
    action: 'close',
    cause: { actor: owner, reason: null },
    permits: (found) => found.owner === owner,
  });
  const told = decided.status === 'closed' ? 'told' : await tellLedger(bank, decided);
  if (told === 'not_empty') throw refusal('account_not_empty');
  if (told === 'unknown') throw ledgerUnavailable();
  const closed = await findAccount(bank.db, account);
  if (!closed) throw accountNotFound();
  // A second request for the same closing may have been refused meanwhile and have opened the account again.
  if (closed.status !== 'closed') throw ledgerUnavailable();
  return closed;
}
