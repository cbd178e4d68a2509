import type { UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { cursorPart, decodeCursor, encodeCursor, parseId } from '@florin/service';
import type { Static } from 'typebox';
import { mayRead } from '../accounts/may-read.ts';
import type { HoldStatus } from '../engine/hold.ts';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { findHold, listHolds } from './hold-queries.ts';
import { type HoldSchema, holdView } from './hold-view.ts';

type HoldView = Static<typeof HoldSchema>;

/** What a list is asked for. */
export interface HoldsQuery {
  readonly account?: string | undefined;
  readonly status?: HoldStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A hold that the user may see: on an account of theirs, or for one. @throws {ProblemError} not_found */
export async function readHold(db: Database<Tables>, user: UserPrincipal, id: string | undefined): Promise<HoldView> {
  const hold = id === undefined ? undefined : await findHold(db, id);
  if (!hold || !(mayRead(user, hold.ownerId) || hold.toOwnerId === user.userId)) throw notFound('hold');
  return holdView(hold);
}

/** A page of holds on the user's accounts or for them, or of one account's. @throws {ProblemError} not_found, invalid_cursor */
export async function readHolds(
  db: Database<Tables>,
  user: UserPrincipal,
  { account, status, limit, cursor }: HoldsQuery,
): Promise<{ data: HoldView[]; nextCursor: string | null }> {
  const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
  const accounts = await readableAccounts(db, user, account);
  // One more than asked for tells whether there is a next page.
  const found = await listHolds(db, { accounts, status, before }, limit + 1);
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(holdView),
    nextCursor: found.length > shown.length && last ? encodeCursor([last.id]) : null,
  };
}

/** The user's own accounts, or the one that is asked for. */
async function readableAccounts(db: Database<Tables>, user: UserPrincipal, account?: string): Promise<string[]> {
  const accounts = db.selectFrom('ledger_accounts').select(['id', 'owner_id']);
  if (account === undefined) {
    const own = await accounts.where('owner_id', '=', user.userId).execute();
    return own.map(({ id }) => id);
  }
  const id = parseId('acc', account);
  const found = id === undefined ? undefined : await accounts.where('id', '=', id).executeTakeFirst();
  if (!found || !mayRead(user, found.owner_id)) throw notFound('account');
  return [found.id];
}
