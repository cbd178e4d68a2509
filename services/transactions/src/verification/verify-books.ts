import type { Transaction } from '@florin/database';
import { formatId } from '@florin/service';
import { type RawBuilder, sql } from 'kysely';
import type { Tables } from '../tables.ts';

/** The first row that breaks a rule: `id` is a uuid, `note` says more where there is more to say. */
interface Broken {
  readonly id: string;
  readonly note?: string | null;
}

interface BookRule {
  /** Finds the first broken row. */
  readonly find: RawBuilder<Broken>;
  /** The sentence about it. */
  say(broken: Broken): string;
}

const account = ({ id }: Broken) => `account ${formatId('acc', id)}`;
const transaction = ({ id }: Broken) => `transaction ${formatId('txn', id)}`;

// Sums and differences are numeric: whatever somebody wrote into a row, they don't overflow.
const rules: readonly BookRule[] = [
  {
    find: sql`
      select chain.account_id as id, chain.version::text as note
      from (
        select account_id, version, currency, amount, balance_after, created_at,
          lag(version, 1, 0::bigint) over of_account as version_before,
          lag(balance_after, 1, 0::bigint) over of_account as balance_before,
          lag(created_at) over of_account as created_before
        from entries window of_account as (partition by account_id order by version)
      ) as chain
      left join ledger_accounts as account on account.id = chain.account_id
      where chain.version <> version_before + 1 or balance_after::numeric <> balance_before::numeric + amount
        or chain.created_at < created_before or account.id is null or account.currency <> chain.currency
      order by chain.account_id, chain.version limit 1`,
    say: (broken) => `entry ${broken.note} of ${account(broken)} does not follow the one before it`,
  },
  {
    find: sql`
      select account.id from ledger_accounts as account
      left join lateral (
        select version, balance_after, created_at from entries where account_id = account.id
        order by version desc limit 1
      ) as last on true
      where account.posted <> coalesce(last.balance_after, 0) or account.version <> coalesce(last.version, 0)
        or account.last_entry_at is distinct from last.created_at
      order by account.id limit 1`,
    say: (broken) => `the balance or version of ${account(broken)} is not that of its last entry`,
  },
  {
    find: sql`
      select account.id from ledger_accounts as account
      left join (
        select account_id, sum(amount) as held from holds where status = 'active' group by account_id
      ) as open on open.account_id = account.id
      where account.held <> coalesce(open.held, 0)
      order by account.id limit 1`,
    say: (broken) => `what is held on ${account(broken)} is not the sum of its open holds`,
  },
  {
    find: sql`select id from ledger_accounts where posted - held < floor order by id limit 1`,
    say: (broken) => `${account(broken)} is below its floor`,
  },
  {
    find: sql`
      select transaction_id as id, currency as note from entries
      group by transaction_id, currency having sum(amount) <> 0 or count(*) < 2
      order by transaction_id limit 1`,
    say: (broken) => `the entries of ${transaction(broken)} do not sum to 0 ${broken.note}`,
  },
  {
    find: sql`
      select entry.transaction_id as id from entries as entry
      left join transactions on transactions.id = entry.transaction_id
      where transactions.id is null order by entry.transaction_id limit 1`,
    say: (broken) => `${transaction(broken)} is missing, its entries are there`,
  },
  {
    find: sql`
      select transactions.id from transactions
      left join entries as entry on entry.transaction_id = transactions.id
      where entry.transaction_id is null order by transactions.id limit 1`,
    say: (broken) => `${transaction(broken)} has no entries`,
  },
];

/** Recomputes balances, versions, holds and sums from the rows they follow from; says what is wrong first, if anything. */
export async function verifyBooks(tx: Transaction<Tables>): Promise<string | undefined> {
  for (const { find, say } of rules) {
    const { rows } = await find.execute(tx);
    const [broken] = rows;
    if (broken) return say(broken);
  }
  return undefined;
}
