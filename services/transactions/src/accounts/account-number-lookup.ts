import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

const remembered = 10_000;

/** Finds the ledger account behind an account number; undefined where there is none. */
export type AccountNumberLookup = (accountNumber: string) => Promise<string | undefined>;

/**
 * Looks numbers up in the ledger. A number belongs to one account for ever, so those found are remembered, the most
 * recently used ones; those not found are asked for again.
 */
export function accountNumberLookup(db: Database<Tables>): AccountNumberLookup {
  const known = new Map<string, string>();
  return async (accountNumber) => {
    const id = known.get(accountNumber) ?? (await find(db, accountNumber));
    if (id === undefined) return undefined;
    known.delete(accountNumber);
    known.set(accountNumber, id);
    const [oldest] = known.keys();
    if (known.size > remembered && oldest !== undefined) known.delete(oldest);
    return id;
  };
}

async function find(db: Database<Tables>, accountNumber: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('ledger_accounts')
    .select('id')
    .where('account_number', '=', accountNumber)
    .executeTakeFirst();
  return row?.id;
}

/** The ledger accounts behind the numbers, by number, in one query. A number that belongs to nobody is left out. */
export async function findByNumbers(
  db: Database<Tables>,
  accountNumbers: readonly string[],
): Promise<Map<string, string>> {
  if (accountNumbers.length === 0) return new Map();
  const { rows } = await sql<{ id: string; accountNumber: string }>`
    select id, account_number as "accountNumber" from ledger_accounts
    where account_number = any (${[...new Set(accountNumbers)]}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.accountNumber, row.id]));
}
