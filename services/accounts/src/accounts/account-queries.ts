import type { Database, Transaction } from '@florin/database';
import type { Selectable } from 'kysely';
import type { AccountsTable, Tables } from '../tables.ts';
import type { Account, Goal } from './account.ts';
import { toAccount } from './account-row.ts';
import { ledgerDueSoon, recordChange } from './status-queries.ts';

type Connection = Database<Tables> | Transaction<Tables>;

/** The projection of an account's balance, in minor units. `version` is that of the newest entry in it, 0 before any. */
export interface Balance {
  posted: bigint;
  held: bigint;
  version: bigint;
  asOf: Date;
}

export interface AccountWithBalance extends Account {
  balance: Balance;
}

function withBalances(db: Connection) {
  return db
    .selectFrom('accounts')
    .leftJoin('balances', 'balances.account_id', 'accounts.id')
    .selectAll('accounts')
    .select(['balances.posted', 'balances.held', 'balances.version as entry_version', 'balances.as_of']);
}

type RowWithBalance = Selectable<AccountsTable> & {
  posted: bigint | null;
  held: bigint | null;
  entry_version: bigint | null;
  as_of: Date | null;
};

function toAccountWithBalance(row: RowWithBalance): AccountWithBalance {
  const balance = {
    posted: row.posted ?? 0n,
    held: row.held ?? 0n,
    version: row.entry_version ?? 0n,
    asOf: row.as_of ?? row.created_at,
  };
  return { ...toAccount(row), balance };
}

/** The account with its balance, whoever owns it. */
export async function findAccount(db: Connection, id: string): Promise<AccountWithBalance | undefined> {
  const row = await withBalances(db).where('accounts.id', '=', id).executeTakeFirst();
  return row && toAccountWithBalance(row);
}

/** The owner's accounts, newest first, those before the account `before` when it is given. */
export async function listAccounts(
  db: Connection,
  owner: string,
  page: { before: string | undefined; limit: number },
): Promise<AccountWithBalance[]> {
  const { before, limit } = page;
  let query = withBalances(db).where('owner', '=', owner).orderBy('accounts.id', 'desc').limit(limit);
  if (before !== undefined) query = query.where('accounts.id', '<', before);
  return (await query.execute()).map(toAccountWithBalance);
}

/** Writes a new account and the record of its opening. */
export async function insertAccount(tx: Transaction<Tables>, account: Account): Promise<void> {
  await tx
    .insertInto('accounts')
    .values({
      id: account.id,
      owner: account.owner,
      name: account.name,
      type: account.type,
      currency: account.currency,
      status: account.status,
      version: account.version,
      account_number: account.accountNumber,
      goal_amount: account.goal?.amount ?? null,
      goal_due_date: account.goal?.dueDate ?? null,
      limit_per_transaction: account.limits.perTransaction,
      limit_daily: account.limits.daily,
      limit_monthly: account.limits.monthly,
      ledger_due_at: ledgerDueSoon(),
      created_at: account.createdAt,
    })
    .execute();
  await recordChange(tx, account, { actor: account.owner, reason: null }, account.createdAt);
}

/** Sets what the customer may change. An undefined field stays. */
export async function updateDetails(
  tx: Transaction<Tables>,
  id: string,
  details: { name: string | undefined; goal: Goal | undefined },
): Promise<void> {
  const { name, goal } = details;
  if (name === undefined && goal === undefined) return;
  await tx
    .updateTable('accounts')
    .set({
      ...(name !== undefined && { name }),
      ...(goal !== undefined && { goal_amount: goal.amount, goal_due_date: goal.dueDate }),
    })
    .where('id', '=', id)
    .execute();
}
