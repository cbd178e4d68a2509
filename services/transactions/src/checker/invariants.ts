import type { Database } from '@florin/database';
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/**
 * What must always be true.
 * `currency_sum`: all balances of a currency sum to 0. `transaction_sum`: a transaction has two entries at least, and
 * they sum to 0 per currency. `entry_chain`: each entry follows the one before it, in version and balance.
 * `account_balance`: an account's balance and version are those of its last entry. `account_held`: what is held on an
 * account is the sum of its open holds. `account_floor`: no account is below its floor.
 */
export const invariants = [
  'currency_sum',
  'transaction_sum',
  'entry_chain',
  'account_balance',
  'account_held',
  'account_floor',
] as const;
export type Invariant = (typeof invariants)[number];

/** Something that breaks an invariant: a currency, or the id of a transaction or account. */
export interface Violation {
  readonly invariant: Invariant;
  readonly subject: string;
}

/** The currencies whose balances don't sum to 0. One statement, so one instant. */
export async function checkCurrencySums(db: Database<Tables>): Promise<Violation[]> {
  const { rows } = await sql<Violation>`
    select 'currency_sum' as invariant, currency as subject from ledger_accounts
    group by currency having sum(posted) <> 0`.execute(db);
  return rows;
}

/** The accounts whose held is not that of their open holds, and those below their floor. One statement, so one instant. */
export async function checkAccounts(db: Database<Tables>): Promise<Violation[]> {
  const { rows } = await sql<Violation>`
    with open as (select account_id, sum(amount) as held from holds where status = 'active' group by account_id)
    select 'account_held' as invariant, coalesce(account.id, open.account_id)::text as subject
    from (select id, held from ledger_accounts where held <> 0) as account
    full join open on open.account_id = account.id
    where coalesce(account.held, 0) <> coalesce(open.held, 0)
    union all
    select 'account_floor', id::text from ledger_accounts where posted - held < floor`.execute(db);
  return rows;
}

/** The next transactions in the order of their ids, after one and not after another. */
export async function transactionsBetween(
  db: Database<Tables>,
  after: string,
  upTo: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from transactions where id > ${after} and id <= ${upTo} order by id limit ${limit}`.execute(db);
  return rows.map((row) => row.id);
}

/** Payments and approved transfers that were posted in a span of time: their ids are older than their entries. */
export async function paymentsPostedBetween(db: Database<Tables>, after: Date, upTo: Date): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from payments where status = 'posted' and updated_at > ${after} and updated_at <= ${upTo}
    union all
    select id from approval_decisions
    where outcome = 'approved' and decided_at > ${after} and decided_at <= ${upTo}`.execute(db);
  return rows.map((row) => row.id);
}

/** What is wrong with these transactions (no id twice), with the place of their entries, and with the accounts they moved. */
export async function checkTransactions(db: Database<Tables>, ids: readonly string[]): Promise<Violation[]> {
  if (ids.length === 0) return [];
  const { rows } = await wrongIn(ids).execute(db);
  return rows;
}

// `offset 0` and `limit 1` keep the laterals lookups in an index. As joins, a few transactions of many entries are enough
// to make the planner read all entries for every slice.
function wrongIn(ids: readonly string[]): RawBuilder<Violation> {
  return sql`
    with checked as materialized (
      select entry.* from unnest(${[...ids]}::uuid[]) as wanted (id)
      cross join lateral (select * from entries where transaction_id = wanted.id offset 0) as entry
    ), sums as (
      select wanted.id, checked.currency, count(checked.amount) as entries, sum(checked.amount) as total
      from unnest(${[...ids]}::uuid[]) as wanted (id) left join checked on checked.transaction_id = wanted.id
      group by wanted.id, checked.currency
    )
    select 'transaction_sum' as invariant, id::text as subject from sums
    where entries < 2 or total <> 0
    union
    select 'entry_chain', checked.account_id::text
    from checked left join lateral (
      select balance_after, version from entries
      where account_id = checked.account_id and version = checked.version - 1 limit 1
    ) as previous on true
    where checked.balance_after <> coalesce(previous.balance_after, 0) + checked.amount
      or (checked.version > 1 and previous.version is null)
    union
    select 'account_balance', account.id::text
    from ledger_accounts as account
    cross join lateral (
      select balance_after, version from entries where account_id = account.id order by version desc limit 1
    ) as last
    where account.id in (select account_id from checked)
      and (account.posted <> last.balance_after or account.version <> last.version)`;
}
