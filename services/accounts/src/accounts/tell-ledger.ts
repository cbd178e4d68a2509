import { appendEvents, type Database, inTransaction } from '@florin/database';
import { formatId } from '@florin/service';
import type { FastifyBaseLogger } from 'fastify';
import type { LedgerClient, LedgerOutcome } from '../ledger/ledger-client.ts';
import type { Tables } from '../tables.ts';
import { type Account, ledgerStatus } from './account.ts';
import { closedEvent } from './account-events.ts';
import { viewLimits } from './limits.ts';
import { changeStatus, confirmVersion, lockAccount } from './status-queries.ts';

/** What the use cases of accounts work with. */
export interface Bank {
  db: Database<Tables>;
  ledger: LedgerClient;
  logger: Pick<FastifyBaseLogger, 'error' | 'warn'>;
}

/**
 * `told`: the ledger has this status of the account, or a newer one. `not_empty`: it refused to close it, and the
 * account is open again. `unknown`: the sweep will tell it again.
 */
export type Told = 'told' | 'not_empty' | 'unknown';

/**
 * Tells the ledger the account as given and writes down what follows: a pending account becomes active, a closing one
 * closed or open again. Safe to repeat, by any number of callers at once. Call it outside any database transaction.
 */
export async function tellLedger(bank: Bank, account: Account): Promise<Told> {
  const outcome = await bank.ledger.putAccount({
    id: formatId('acc', account.id),
    owner: formatId('usr', account.owner),
    currency: account.currency,
    accountNumber: account.accountNumber,
    status: ledgerStatus(account.status),
    limits: viewLimits(account.limits, account.currency),
    version: account.version,
  });
  if (outcome.kind === 'applied') {
    await confirm(bank, account);
    return 'told';
  }
  if (account.status === 'closing' && outcome.kind === 'refused' && outcome.code === 'account_not_empty') {
    await reopen(bank, account);
    return 'not_empty';
  }
  logUnexpected(bank, account, outcome);
  return 'unknown';
}

async function confirm({ db }: Bank, account: Account): Promise<void> {
  if (account.status === 'pending') await confirmVersion(db, account, 'active');
  else if (account.status === 'closing') await confirmClosing(db, account);
  else await confirmVersion(db, account);
}

async function confirmClosing(db: Database<Tables>, account: Account): Promise<void> {
  await inTransaction(db, async (tx) => {
    const closed = await confirmVersion(tx, account, 'closed');
    if (closed) await appendEvents(tx, [closedEvent({ ...account, status: 'closed' })]);
  });
}

/**
 * The account goes on with a newer version, which the ledger is told too: a copy of the closing that is still on its
 * way there then comes too late to close the account when it happens to be empty.
 */
async function reopen(bank: Bank, account: Account): Promise<void> {
  const open = await inTransaction(bank.db, async (tx) => {
    const current = await lockAccount(tx, account.id);
    if (current?.status !== 'closing' || current.version !== account.version) return undefined;
    return await changeStatus(tx, current, 'active', { actor: null, reason: 'account_not_empty' });
  });
  if (open) await tellLedger(bank, open);
}

function logUnexpected({ logger }: Bank, account: Account, outcome: LedgerOutcome): void {
  if (outcome.kind !== 'refused') return;
  const facts = { account: formatId('acc', account.id), status: account.status, version: account.version };
  logger.error({ ...facts, code: outcome.code }, 'the ledger refuses what this service has decided');
}
