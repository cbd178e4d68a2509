import type { CloudEvent } from '@florin/contracts';
import { accountClosed, accountFrozen, accountLimitsChanged, accountOpened, accountUnfrozen } from '@florin/contracts';
import type { Transaction } from '@florin/database';
import { type Subscription, subscribe } from '@florin/messaging';
import { parseId } from '@florin/service';
import type { Static } from 'typebox';
import { putLedgerAccount } from '../accounts/put-ledger-account.ts';
import type { LedgerAccountStatus } from '../engine/command.ts';
import { type LimitsBody, readLimits } from '../limits/limits.ts';
import type { Tables } from '../tables.ts';

interface AccountEvent {
  account: {
    id: string;
    owner: string;
    currency: string;
    accountNumber: string;
    limits?: Static<typeof LimitsBody>;
    version: number;
  };
}

/**
 * What happens to accounts, for when the direct call of the service accounts did not get through. The event's kind says
 * the status; versions make a late or repeated one harmless. A closing that finds money on the account is an error that
 * an operator must see: it goes the way of poisonous messages.
 */
export const accountSubscriptions: readonly Subscription<Tables>[] = [
  subscribe(accountOpened, 'transactions.accounts', (tx, events) => put(tx, events, 'active')),
  subscribe(accountFrozen, 'transactions.accounts', (tx, events) => put(tx, events, 'frozen')),
  subscribe(accountUnfrozen, 'transactions.accounts', (tx, events) => put(tx, events, 'active')),
  subscribe(accountLimitsChanged, 'transactions.accounts', putWithStatus),
  subscribe(accountClosed, 'transactions.accounts', (tx, events) => put(tx, events, 'closed')),
];

async function putWithStatus(
  tx: Transaction<Tables>,
  events: readonly CloudEvent<AccountEvent & { account: { status: LedgerAccountStatus | 'pending' } }>[],
): Promise<void> {
  for (const event of events) {
    const { status } = event.data.account;
    await put(tx, [event], status === 'pending' ? 'active' : status);
  }
}

async function put(
  tx: Transaction<Tables>,
  events: readonly CloudEvent<AccountEvent>[],
  status: LedgerAccountStatus,
): Promise<void> {
  for (const { data } of events) {
    const { id, owner, currency, accountNumber, version } = data.account;
    const limits = data.account.limits && readLimits(data.account.limits, currency);
    const [accountId, ownerId] = [parseId('acc', id), parseId('usr', owner)];
    if (accountId === undefined || ownerId === undefined) throw new Error(`${id} of ${owner} are no ids`);
    await putLedgerAccount(tx, { id: accountId, ownerId, currency, accountNumber, status, limits, version });
  }
}
