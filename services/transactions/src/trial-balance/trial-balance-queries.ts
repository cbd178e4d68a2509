import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { AccountClass, Tables } from '../tables.ts';

/** The balances of all accounts of a class in one currency, minor units: `debit` of those below zero, `credit` above. */
export interface ClassBalance {
  readonly class: AccountClass;
  readonly currency: string;
  readonly debit: bigint;
  readonly credit: bigint;
}

/**
 * All balances as they stood at `at`, by class and currency. One statement, so one snapshot: a transaction is in it with
 * all of its entries or with none.
 *
 * An account that has rested since then has the balance it has now. Of the others the last entry not after `at` is found
 * by halving, as for `balance?at=`: entries are read by primary key only, whatever their number.
 */
export async function classBalances(db: Database<Tables>, at: Date): Promise<ClassBalance[]> {
  const { rows } = await sql<{ class: AccountClass; currency: string; debit: string; credit: string }>`
    select class, currency, sum(greatest(-posted, 0))::text as debit, sum(greatest(posted, 0))::text as credit
    from (
      select account.class, account.currency,
        case when account.last_entry_at is null or account.last_entry_at <= ${at} then account.posted
          else coalesce((
            with recursive search (low, high) as (
              select 0::bigint, account.version
              union all
              select case when entry.created_at <= ${at} then middle else low end,
                case when entry.created_at <= ${at} then high else middle - 1 end
              from (select low, high, (low + high + 1) / 2 as middle from search where low < high) as step
              join entries as entry on entry.account_id = account.id and entry.version = middle
            )
            select entry.balance_after
            from search join entries as entry on entry.account_id = account.id and entry.version = low
            where low = high
          ), 0) end as posted
      from ledger_accounts as account
    ) as balances
    group by class, currency
    order by currency, class`.execute(db);
  return rows.map((row) => ({ ...row, debit: BigInt(row.debit), credit: BigInt(row.credit) }));
}
