import { type Database, prepare, rowArray } from '@florin/database';
import { parseId } from '@florin/service';
import { sql } from 'kysely';
import type { Tables } from '../tables.ts';
import type { ReportedBalance } from './balance.ts';

/**
 * Writes balances, each account at most once, in one statement. What is posted and what is held are each taken over when
 * newer than in the row, so that repeats and late ones change nothing.
 *
 * @throws {TypeError} for an account that is no TypeID
 */
export async function writeBalances(db: Database<Tables>, balances: readonly ReportedBalance[]): Promise<void> {
  if (balances.length === 0) return;
  // By account: two consumers wait for each other instead of deadlocking. The names sort as the ids that they spell.
  const rows = balances.toSorted((one, other) => (one.account < other.account ? -1 : 1));
  await upsertBalances(db, [
    rowArray(rows, (row, balance) => {
      row.uuid(accountUuid(balance.account));
      row.bigint(balance.posted);
      row.bigint(balance.held);
      row.bigint(BigInt(balance.version));
      row.bigint(BigInt(balance.heldVersion));
      row.time(new Date(balance.asOf));
    }),
  ]);
}

const upsertBalances = prepare(
  'upsert-balances',
  `insert into balances as balance (account_id, posted, held, version, held_version, as_of)
   select * from unnest($1::reported_balance[])
   on conflict (account_id) do update
     set posted = case when balance.version < excluded.version then excluded.posted else balance.posted end,
       version = greatest(balance.version, excluded.version),
       held = case when balance.held_version < excluded.held_version then excluded.held else balance.held end,
       held_version = greatest(balance.held_version, excluded.held_version),
       as_of = greatest(balance.as_of, excluded.as_of)
     where balance.version < excluded.version or balance.held_version < excluded.held_version`,
);

function accountUuid(id: string): string {
  const uuid = parseId('acc', id);
  if (uuid === undefined) throw new TypeError('An entry with an owner names no account');
  return uuid;
}

/** The version of each account's balance; accounts without any entry are missing. Keys are UUIDs. */
export async function readVersions(db: Database<Tables>, accounts: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } = await sql<{ account_id: string; version: bigint }>`
    select account_id, version from balances where account_id = any(${[...accounts]}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.account_id, row.version]));
}
