import { newUuid } from '@florin/service';
import type pg from 'pg';
import { systemAccountId } from '../../../services/transactions/src/accounts/system-accounts.ts';

/** As many as the floor has. Account 0 is the hot one. */
export const accountCount = 100_000;

/** uuid of the account with that number. */
export function accountUuid(number: number): string {
  return `${accountPrefix}${number.toString(16).padStart(12, '0')}`;
}

const accountPrefix = '0193a000-0000-7000-8000-';
const perFunding = 1000;

/**
 * Opens the accounts, account n for owner n modulo the number of owners, and gives each 10,000,000.00 USD, by funding
 * transactions dated yesterday that keep every invariant of the ledger. The schema must be empty; as superuser.
 *
 * @param owners uuids
 */
export async function seedLedger(client: pg.Client, owners: readonly string[]): Promise<void> {
  await client.query('begin');
  await client.query(`set local search_path = transactions`);
  await client.query(
    `create temp table seed (number int, id uuid, owner uuid, amount bigint, funding int) on commit drop`,
  );
  await client.query(
    `insert into seed
     select number, ($1 || lpad(to_hex(number), 12, '0'))::uuid, ($2::uuid[])[1 + number % $3],
       case number when 0 then 1000000000000000 else 1000000000 end, number / $4
     from generate_series(0, $5 - 1) as number`,
    [accountPrefix, owners, owners.length, perFunding, accountCount],
  );
  const external = systemAccountId('external:sandbox', 'USD');
  for (const statement of statements) await client.query(statement, statement.includes('$1') ? [external] : []);
  await client.query('commit');
  await client.query('analyze transactions.ledger_accounts, transactions.entries, transactions.transactions');
}

const yesterday = "now() - interval '1 day'";
// Ids hold the time of their making. These say some time in the last seven weeks: the checker looks back an hour.
const fundingPrefix = `${newUuid().slice(0, 4)}0000-0000-7000-8000-`;
const fundingId = `('${fundingPrefix}' || lpad(to_hex(funding), 12, '0'))::uuid`;

const statements = [
  `insert into ledger_accounts (id, owner_id, class, currency, status, status_version, account_number, posted, version,
     floor, last_entry_at, created_at)
   select id, owner, 'liability', 'USD', 'active', 1, 'XX00' || lpad(number::text, 16, '0'), amount, 1, 0,
     ${yesterday}, ${yesterday} from seed order by number`,
  `insert into ledger_accounts (id, class, name, currency, status, status_version, posted, version, last_entry_at,
     created_at)
   select $1::uuid, 'asset', 'external:sandbox', 'USD', 'active', 1, -sum(amount), count(distinct funding),
     ${yesterday}, ${yesterday} from seed`,
  `insert into transactions (id, type, amount, currency, debit_account_id, credit_account_id, metadata, initiated_by,
     created_at, posted_at, effective_at)
   select ${fundingId}, 'deposit', sum(amount), 'USD', $1::uuid, (array_agg(id order by number))[1], '{}',
     'service:transactions', ${yesterday}, ${yesterday}, ${yesterday} from seed group by funding`,
  `insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
   select id, 1, ${fundingId}, amount, amount, 'USD', ${yesterday} from seed order by number`,
  `insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
   select $1::uuid, funding + 1, ${fundingId}, -sum(amount), -sum(sum(amount)) over (order by funding), 'USD',
     ${yesterday} from seed group by funding`,
];

/** The accounts as the service accounts would have them, with the balances it would have projected by now. */
export async function seedAccounts(client: pg.Client): Promise<void> {
  await client.query(
    `insert into accounts.accounts (id, owner, name, type, currency, status, version, account_number, created_at)
     select id, owner_id, 'Bench', 'checking', 'USD', 'active', 1, account_number, created_at
     from transactions.ledger_accounts where owner_id is not null`,
  );
  await client.query(
    `insert into accounts.balances (account_id, posted, held, version, as_of)
     select id, posted, 0, version, last_entry_at from transactions.ledger_accounts where owner_id is not null`,
  );
  await client.query('analyze accounts.accounts, accounts.balances');
}
