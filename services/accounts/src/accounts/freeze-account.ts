import { accountNotFound, ledgerUnavailable } from '../errors.ts';
import { freezeEvent } from './account-events.ts';
import { type AccountWithBalance, findAccount } from './account-queries.ts';
import { decideStatus } from './change-status.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/** An operator freezes or unfreezes an account. Ids are UUIDs. */
export interface FreezeRequest {
  account: string;
  action: 'freeze' | 'unfreeze';
  operator: string;
  reason: string;
}

/**
 * Freezes or unfreezes an account and returns once the ledger has it: no debit of a frozen account succeeds from then
 * on. Where the ledger can't be told now, the decision stands, the event and the sweep tell it, and a repeat answers.
 *
 * @throws {ProblemError} not_found, account_not_active, account_closed, upstream_unavailable
 */
export async function setFrozen(bank: Bank, request: FreezeRequest): Promise<AccountWithBalance> {
  const { action, reason } = request;
  const decided = await decideStatus(bank, {
    account: request.account,
    action,
    cause: { actor: request.operator, reason },
    permits: () => true,
    event: (account) => freezeEvent(action, account, reason),
  });
  if ((await tellLedger(bank, decided)) !== 'told') throw ledgerUnavailable();
  const account = await findAccount(bank.db, request.account);
  if (!account) throw accountNotFound();
  return account;
}
