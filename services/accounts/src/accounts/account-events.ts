import {
  accountClosed,
  accountFrozen,
  accountLimitsChanged,
  accountOpened,
  accountUnfrozen,
  type CloudEvent,
} from '@florin/contracts';
import { newEvent } from '@florin/database';
import { formatId } from '@florin/service';
import { type Account, ledgerStatus } from './account.ts';
import { viewLimits } from './limits.ts';

const source = 'florin/accounts';

/** The account as events carry it: with the status the ledger must have, so `active` from the opening on. */
function accountData(account: Account) {
  return {
    id: formatId('acc', account.id),
    owner: formatId('usr', account.owner),
    name: account.name,
    type: account.type,
    currency: account.currency,
    accountNumber: account.accountNumber,
    status: ledgerStatus(account.status),
    limits: viewLimits(account.limits, account.currency),
    version: account.version,
  };
}

/** Tells that an account has been opened. The ledger opens its own on it if it has not been told directly. */
export function openedEvent(account: Account): CloudEvent {
  const data = { account: accountData(account) };
  return newEvent(accountOpened, { source, subject: data.account.id, data });
}

/** Tells that an operator has frozen or unfrozen an account. */
export function freezeEvent(action: 'freeze' | 'unfreeze', account: Account, reason: string): CloudEvent {
  const data = { account: accountData(account), reason };
  return newEvent(action === 'freeze' ? accountFrozen : accountUnfrozen, { source, subject: data.account.id, data });
}

/** Tells that an operator has changed what may leave an account. */
export function limitsChangedEvent(account: Account): CloudEvent {
  const data = { account: accountData(account) };
  return newEvent(accountLimitsChanged, { source, subject: data.account.id, data });
}

/** Tells that an account is closed for good. */
export function closedEvent(account: Account): CloudEvent {
  const data = { account: accountData(account) };
  return newEvent(accountClosed, { source, subject: data.account.id, data });
}
