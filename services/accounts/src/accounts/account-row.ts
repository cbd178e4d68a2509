import type { Selectable } from 'kysely';
import type { AccountsTable } from '../tables.ts';
import type { Account } from './account.ts';

/** A row of accounts as the rules know it. */
export function toAccount(row: Omit<Selectable<AccountsTable>, 'ledger_due_at'>): Account {
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    type: row.type,
    currency: row.currency,
    status: row.status,
    version: row.version,
    accountNumber: row.account_number,
    goal: row.goal_amount === null ? null : { amount: row.goal_amount, dueDate: row.goal_due_date },
    limits: { perTransaction: row.limit_per_transaction, daily: row.limit_daily, monthly: row.limit_monthly },
    createdAt: row.created_at,
  };
}
