import { formatId } from '@florin/service';
import pg from 'pg';

/** A ledger with a long past, as the engine would have left it. */
export interface FilledLedger {
  /** The customer of whom every second deposit is. */
  readonly busy: { readonly id: string; readonly ownerId: string; readonly publicId: string };
  /** Instant of the n-th deposit, counted from 0. */
  instant(deposit: number): Date;
}

const customers = 2_000;
const start = Date.UTC(2025, 0, 1);
const external = '00000000-0000-5000-8000-000000000000';
const busyId = accountUuid(0);
const busyOwner = '00000000-0000-7000-9000-000000000000';

/**
 * Writes `deposits` deposits of 1.00 USD, one a second from 2025 on, two entries each: every second one of one customer,
 * the others of 1,999 customers in turn. Batches of 1,000 share a database transaction's number, as the engine's do. Of one
 * in five the payment is there too.
 * `adminUrl` is a superuser's: the rows go in without the engine, by a few statements.
 */
export async function fillLedger(adminUrl: string, deposits: number): Promise<FilledLedger> {
  const client = new pg.Client({ connectionString: adminUrl, options: '-c search_path=transactions' });
  await client.connect();
  try {
    for (const statement of statements(deposits)) await client.query(statement);
    await client.query('vacuum analyze entries, transactions, ledger_accounts, payments');
  } finally {
    await client.end();
  }
  return {
    busy: { id: busyId, ownerId: busyOwner, publicId: formatId('acc', busyId) },
    instant: (deposit) => new Date(start + deposit * 1_000),
  };
}

function accountUuid(customer: number): string {
  return `00000000-0000-7000-8000-${customer.toString(16).padStart(12, '0')}`;
}

function statements(deposits: number): string[] {
  const at = `to_timestamp(${start / 1_000} + n)`;
  const id = `(lpad(to_hex((${start} + n * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid`;
  const customer = `case when n % 2 = 0 then 0 else 1 + (n / 2) % ${customers - 1} end`;
  const version = `case when n % 2 = 0 then n / 2 + 1 else (n / 2) / ${customers - 1} + 1 end`;
  const account = (number: string) => `('00000000000070008000' || lpad(to_hex(${number}), 12, '0'))::uuid`;
  const all = `generate_series(0, ${deposits - 1}) as n`;
  return [
    // Only for the time of filling; what is read afterwards is in the tables as usual.
    'set synchronous_commit = off',
    `insert into transactions (id, type, amount, currency, debit_account_id, credit_account_id, metadata, initiated_by,
        created_at, posted_at, effective_at, xid)
      select ${id}, 'deposit', 100, 'USD', '${external}', ${account(customer)}, '{}', 'service:fill', ${at}, ${at}, ${at},
        (n / 1000 + 1)::text::xid8
      from ${all}`,
    `insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
      select ${account(customer)}, ${version}, ${id}, 100, (${version}) * 100, 'USD', ${at} from ${all}`,
    `insert into entries (account_id, version, transaction_id, amount, balance_after, currency, created_at)
      select '${external}', n + 1, ${id}, -100, (n + 1) * -100, 'USD', ${at} from ${all}`,
    `insert into ledger_accounts (id, owner_id, class, name, currency, status, status_version, account_number, posted,
        version, floor, last_entry_at, created_at)
      select ${account('number')}, ('00000000000070009000' || lpad(to_hex(number), 12, '0'))::uuid, 'liability', null, 'USD',
        'active', 1, 'FILL' || number, last.balance_after, last.version, 0, last.created_at, to_timestamp(${start / 1_000})
      from generate_series(0, ${customers - 1}) as number
      cross join lateral (select * from entries where account_id = ${account('number')} order by version desc limit 1) as last`,
    `insert into ledger_accounts (id, class, name, currency, status, status_version, posted, version, last_entry_at,
        created_at)
      select account_id, 'asset', 'external:sandbox', 'USD', 'active', 1, balance_after, version, created_at,
        to_timestamp(${start / 1_000})
      from entries where account_id = '${external}' order by version desc limit 1`,
    `insert into payments (id, type, account_id, owner_id, amount, currency, status, provider, source, metadata,
        initiated_by, created_at, updated_at)
      select ${id}, 'deposit', ${account(customer)}, '${busyOwner}', 100, 'USD', 'posted', 'sandbox', '{}', '{}',
        'service:fill', ${at}, ${at}
      from ${all} where n % 10 in (0, 2)`,
  ];
}
