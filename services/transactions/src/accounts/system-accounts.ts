import { createHash } from 'node:crypto';
import type { Database } from '@florin/database';
import { sql } from 'kysely';
import type { AccountClass, Tables } from '../tables.ts';

/** One of the bank's own accounts. `name` is public: it stands as `from` or `to` in customers' transactions. */
export interface SystemAccount {
  /** Such as `external:sandbox`, money at a provider, or `suspense`, money whose owner is not settled. */
  readonly name: string;
  readonly currency: string;
}

// A namespace of our own (RFC 9562, version 5): it must never change, since ids follow from it.
const namespace = Buffer.from('8f0a1c52d3b74e6f9a1b2c3d4e5f6071', 'hex');

/** The id of a system account, the same in every process: a UUIDv5 of its name and currency. */
export function systemAccountId(name: string, currency: string): string {
  const hash = createHash('sha1').update(namespace).update(`${name} ${currency}`).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const known = new WeakMap<Database<Tables>, Set<string>>();

/**
 * Creates the accounts that are not there yet. Call it before the first command that names them; it asks the database
 * once per process and account. They have no floor: money at a provider is as negative as customers' money is positive.
 */
export async function ensureSystemAccounts(db: Database<Tables>, accounts: readonly SystemAccount[]): Promise<void> {
  const seen = known.get(db) ?? new Set();
  known.set(db, seen);
  for (const account of accounts) {
    const id = systemAccountId(account.name, account.currency);
    if (seen.has(id)) continue;
    await sql`insert into ledger_accounts (id, class, name, currency, status, status_version, created_at)
      values (${id}, ${classOf(account)}, ${account.name}, ${account.currency}, 'active', 1, now())
      on conflict (id) do nothing`.execute(db);
    seen.add(id);
  }
}

function classOf({ name }: SystemAccount): AccountClass {
  if (name.startsWith('fees:')) return 'income';
  return name.startsWith('external:') || name === 'conversion' ? 'asset' : 'liability';
}
