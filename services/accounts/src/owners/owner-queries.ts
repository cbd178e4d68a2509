import type { Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { sql } from 'kysely';
import type { Account } from '../accounts/account.ts';
import { toAccount } from '../accounts/account-row.ts';
import type { Tables } from '../tables.ts';

/** What is known of somebody besides their accounts. */
export interface Owner {
  /** The newest attempt to close the owner that has been decided; 0 before any. */
  attempt: bigint;
  /** From then on the owner opens no account and adds no payee. */
  closedAt: Date | null;
}

/** What an erased owner's accounts are called. */
export const erasedName = 'Closed account';

/** The owner's row, made where there is none, locked until the transaction ends. */
export async function lockOwner(tx: Transaction<Tables>, owner: string): Promise<Owner> {
  return await tx
    .insertInto('owners')
    .values({ owner, closed_at: null, erased_at: null })
    .onConflict((conflict) => conflict.column('owner').doUpdateSet({ attempt: sql<bigint>`owners.attempt` }))
    .returning(['attempt', 'closed_at as closedAt'])
    .executeTakeFirstOrThrow();
}

/** Whether the owner has an account that is not closed for good. */
export async function hasOpenAccount(tx: Transaction<Tables>, owner: string): Promise<boolean> {
  const query = tx.selectFrom('accounts').select('id').where('owner', '=', owner).where('status', '<>', 'closed');
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}

/** Writes down what has been decided of a locked owner. One who is closed stays so. */
export async function storeClosure(
  tx: Transaction<Tables>,
  owner: string,
  { attempt, closed }: { attempt: bigint; closed: boolean },
): Promise<void> {
  await tx
    .updateTable('owners')
    .set({ attempt, ...(closed && { closed_at: sql<Date>`coalesce(closed_at, now())` }) })
    .where('owner', '=', owner)
    .execute();
}

/** Marks a locked owner as erased. The first time counts. */
export async function markErased(tx: Transaction<Tables>, owner: string): Promise<void> {
  await tx
    .updateTable('owners')
    .set({ closed_at: sql<Date>`coalesce(closed_at, now())`, erased_at: sql<Date>`coalesce(erased_at, now())` })
    .where('owner', '=', owner)
    .execute();
}

/** Takes from the owner's accounts what the owner wrote on them. */
export async function forgetDetails(tx: Transaction<Tables>, owner: string): Promise<void> {
  await tx
    .updateTable('accounts')
    .set({ name: erasedName, goal_amount: null, goal_due_date: null })
    .where('owner', '=', owner)
    .execute();
}

/** Deletes the owner's payees. */
export async function forgetPayees(tx: Transaction<Tables>, owner: string): Promise<void> {
  await tx.deleteFrom('payees').where('owner', '=', owner).execute();
}

/** Deletes the owner's idempotency keys: kept answers hold names of accounts and payees. */
export async function forgetKeptAnswers(tx: Transaction<Tables>, owner: string): Promise<void> {
  await tx.deleteFrom('account_openings').where('owner', '=', owner).execute();
  await tx.deleteFrom('idempotency_keys').where('caller', '=', formatId('usr', owner)).execute();
}

/** The owner's accounts from which money can still leave, locked. */
export async function lockLiveAccounts(tx: Transaction<Tables>, owner: string): Promise<Account[]> {
  const rows = await tx
    .selectFrom('accounts')
    .selectAll()
    .where('owner', '=', owner)
    .where('status', 'in', ['pending', 'active'])
    .orderBy('id')
    .forUpdate()
    .execute();
  return rows.map(toAccount);
}
