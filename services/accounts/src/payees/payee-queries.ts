import type { Database, Transaction } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { Payee } from './payee.ts';

/** How many payees the owner has; more than `most` are not counted. */
export async function countPayees(tx: Transaction<Tables>, owner: string, most: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from (select from payees where owner = ${owner} limit ${most}) as found`.execute(
    tx,
  );
  return rows[0]?.count ?? 0;
}

/** Writes a new payee. False where the owner has one with that account number. */
export async function insertPayee(tx: Transaction<Tables>, payee: Payee): Promise<boolean> {
  const { id, owner, name, accountNumber, createdAt } = payee;
  const result = await tx
    .insertInto('payees')
    .values({ id, owner, name, account_number: accountNumber, created_at: createdAt })
    .onConflict((conflict) => conflict.constraint('payees_account_number_key').doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** The owner's payees, newest first, those before the payee `before` when it is given. */
export async function listPayees(
  db: Database<Tables>,
  owner: string,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<Payee[]> {
  const query = db
    .selectFrom('payees')
    .select(['id', 'owner', 'name', 'account_number as accountNumber', 'created_at as createdAt'])
    .where('owner', '=', owner)
    .orderBy('id', 'desc')
    .limit(limit);
  return await (before === undefined ? query : query.where('id', '<', before)).execute();
}

/** Deletes a payee of the owner. False where the owner has no such one. */
export async function deletePayee(db: Database<Tables>, { id, owner }: Pick<Payee, 'id' | 'owner'>): Promise<boolean> {
  const result = await db.deleteFrom('payees').where('id', '=', id).where('owner', '=', owner).executeTakeFirst();
  return result.numDeletedRows === 1n;
}
