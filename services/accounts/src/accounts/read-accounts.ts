import type { Database } from '@florin/database';
import { cursorPart, decodeCursor, encodeCursor, problem } from '@florin/service';
import type { VersionWatch } from '../balances/version-watch.ts';
import { accountNotFound, projectionBehind } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { type AccountWithBalance, findAccount, listAccounts } from './account-queries.ts';

/** Who reads. `staff` may read everybody's accounts. `userId` is a UUID. */
export interface Reader {
  userId: string;
  staff: boolean;
}

const waitMs = 2_000;

/**
 * One account that the reader may see; with `minVersion`, once its balance is at least that new.
 *
 * @throws {ProblemError} not_found, or upstream_unavailable when the balance is still older after 2 s
 */
export async function readAccount(
  reads: { db: Database<Tables>; versions: VersionWatch },
  reader: Reader,
  wanted: { account: string; minVersion: number | undefined },
): Promise<AccountWithBalance> {
  const account = await findAccount(reads.db, wanted.account);
  if (!account || !(reader.staff || account.owner === reader.userId)) throw accountNotFound();
  const minVersion = BigInt(wanted.minVersion ?? 0);
  if (account.balance.version >= minVersion) return account;
  if (!(await reads.versions.reached(account.id, minVersion, waitMs))) throw projectionBehind();
  const newer = await findAccount(reads.db, account.id);
  if (!newer) throw accountNotFound();
  return newer;
}

/**
 * A page of an owner's accounts, newest first: the reader's own unless `owner` says another.
 *
 * @throws {ProblemError} forbidden for the accounts of others, invalid_cursor
 */
export async function readAccounts(
  db: Database<Tables>,
  reader: Reader,
  wanted: { owner: string | undefined; cursor: string | undefined; limit: number },
): Promise<{ accounts: AccountWithBalance[]; nextCursor: string | null }> {
  const owner = wanted.owner ?? reader.userId;
  if (owner !== reader.userId && !reader.staff) {
    throw problem('forbidden', 'Only operators and auditors may list the accounts of others.');
  }
  const [before] = wanted.cursor === undefined ? [] : decodeCursor(wanted.cursor, [cursorPart.uuid]);
  const found = await listAccounts(db, owner, { before, limit: wanted.limit + 1 });
  const accounts = found.slice(0, wanted.limit);
  const last = accounts.at(-1);
  return { accounts, nextCursor: last && found.length > wanted.limit ? encodeCursor([last.id]) : null };
}
