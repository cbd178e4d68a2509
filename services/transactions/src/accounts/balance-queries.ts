import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** A customer's account with its balance now. Amounts are minor units. */
export interface AccountBalance {
  readonly id: string;
  readonly ownerId: string | null;
  readonly currency: string;
  readonly posted: bigint;
  readonly held: bigint;
}

/** The account, or undefined; system accounts are nobody's to ask for. */
export async function findBalance(db: Database<Tables>, id: string): Promise<AccountBalance | undefined> {
  return await db
    .selectFrom('ledger_accounts')
    .select(['id', 'owner_id as ownerId', 'currency', 'posted', 'held'])
    .where('id', '=', id)
    .where('owner_id', 'is not', null)
    .executeTakeFirst();
}

/**
 * What was posted on the account when the clock stood at `at`. Versions have no gaps and an account's entries never go
 * back in time, so the last entry not after `at` is found by halving: some twenty look-ups in the primary key for a
 * million entries, and no index by time that each posting would have to pay for.
 */
export async function postedAt(db: Database<Tables>, id: string, at: Date): Promise<bigint> {
  const { rows } = await sql<{ posted: bigint }>`
    with recursive search (low, high) as (
      select 0::bigint, version from ledger_accounts where id = ${id}
      union all
      select case when entry.created_at <= ${at} then middle else low end,
        case when entry.created_at <= ${at} then high else middle - 1 end
      from (select low, high, (low + high + 1) / 2 as middle from search where low < high) as step
      join entries as entry on entry.account_id = ${id} and entry.version = middle
    )
    select entry.balance_after as posted
    from search join entries as entry on entry.account_id = ${id} and entry.version = low
    where low = high`.execute(db);
  return rows[0]?.posted ?? 0n;
}
