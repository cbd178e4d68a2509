import { accountNotFound, checkingFields, ledgerUnavailable } from '../errors.ts';
import { limitsChangedEvent } from './account-events.ts';
import { type AccountWithBalance, findAccount } from './account-queries.ts';
import { decideStatus } from './change-status.ts';
import { type LimitsWanted, readLimits } from './limits.ts';
import { type Bank, tellLedger } from './tell-ledger.ts';

/** An operator sets limits. Ids are UUIDs. */
export interface LimitsRequest {
  account: string;
  operator: string;
  limits: LimitsWanted;
}

/**
 * Sets an account's limits and returns once the ledger has them: no debit beyond them succeeds from then on. Where the
 * ledger can't be told now, the decision stands, the event and the sweep tell it, and a repeat answers.
 *
 * @throws {ProblemError} not_found, account_closed, validation_failed, upstream_unavailable
 */
export async function setLimits(bank: Bank, request: LimitsRequest): Promise<AccountWithBalance> {
  const decided = await decideStatus(bank, {
    account: request.account,
    action: 'limit',
    cause: { actor: request.operator, reason: 'limits_changed' },
    permits: () => true,
    limits: ({ limits, currency }) => checkingFields(() => readLimits(request.limits, limits, currency)),
    event: limitsChangedEvent,
  });
  if ((await tellLedger(bank, decided)) !== 'told') throw ledgerUnavailable();
  const account = await findAccount(bank.db, request.account);
  if (!account) throw accountNotFound();
  return account;
}
