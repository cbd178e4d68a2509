import type { UserPrincipal } from '@florin/auth';
import type { Database } from '@florin/database';
import { currencies } from '@florin/money';
import { cursorPart, decodeCursor, encodeCursor } from '@florin/service';
import type { Static } from 'typebox';
import { isStaff, mayRead } from '../accounts/may-read.ts';
import { findWaiting, listWaiting } from '../approvals/approval-queries.ts';
import { notFound } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { type filterQuery, toFilter } from './transaction-filter.ts';
import { findTransaction, listTransactions } from './transaction-queries.ts';
import { type TransactionView, transactionView, type ViewedTransaction, type Viewer } from './transaction-view.ts';

/** What a list is asked for. `account`: uuid; only that account's transactions. */
export interface ListQuery extends Static<typeof filterQuery> {
  account?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** One transaction that the user may see. @throws {ProblemError} not_found */
export async function readTransaction(
  db: Database<Tables>,
  user: UserPrincipal,
  id: string | undefined,
): Promise<TransactionView> {
  const found = id === undefined ? undefined : await find(db, id);
  if (!found || !(isStaff(user) || found.ownerIds.includes(user.userId))) throw notFound('transaction');
  return transactionView(found.transaction, viewerOf(user));
}

/**
 * A page of the user's transactions, or of one account's; for staff who ask for `pending_approval`, everybody's.
 * @throws {ProblemError} not_found, invalid_cursor, validation_failed
 */
export async function readTransactions(
  db: Database<Tables>,
  user: UserPrincipal,
  query: ListQuery,
): Promise<{ data: TransactionView[]; nextCursor: string | null }> {
  const [before] = query.cursor === undefined ? [] : decodeCursor(query.cursor, [cursorPart.uuid]);
  const accounts = await accountsOf(db, user, query.account);
  const isQueue = isStaff(user) && query.status === 'pending_approval' && query.account === undefined;
  const filter = toFilter(query, isQueue ? currencies : new Set(accounts.map((account) => account.currency)));
  const ids = accounts.map((account) => account.id);
  // One more than asked for tells whether there is a next page.
  const page = { before, limit: query.limit + 1 };
  // The waiting first: one that is posted between the two queries is then found twice, never not at all.
  const waiting = await listWaiting(db, isQueue ? 'all' : ids, filter, page);
  const found = merged(waiting, await listTransactions(db, ids, filter, page));
  const shown = found.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    data: shown.map((transaction) => transactionView(transaction, viewerOf(user))),
    nextCursor: found.length > shown.length && last ? encodeCursor([last.id]) : null,
  };
}

/** Asks once more at the end for one that was posted between the first two questions. */
async function find(db: Database<Tables>, id: string): ReturnType<typeof findTransaction> {
  return (await findTransaction(db, id)) ?? (await findWaiting(db, id)) ?? (await findTransaction(db, id));
}

/** Both in one order, the newest first; what is in both is taken from the second. */
function merged(waiting: readonly ViewedTransaction[], others: readonly ViewedTransaction[]): ViewedTransaction[] {
  if (waiting.length === 0) return [...others];
  const all = new Map([...waiting, ...others].map((transaction) => [transaction.id, transaction]));
  return [...all.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}

async function accountsOf(
  db: Database<Tables>,
  user: UserPrincipal,
  account: string | undefined,
): Promise<{ id: string; currency: string }[]> {
  const accounts = db.selectFrom('ledger_accounts').select(['id', 'currency', 'owner_id']);
  if (account === undefined) return await accounts.where('owner_id', '=', user.userId).execute();
  const found = await accounts.where('id', '=', account).executeTakeFirst();
  if (!found || !mayRead(user, found.owner_id)) throw notFound('account');
  return [found];
}

function viewerOf(user: UserPrincipal): Viewer {
  return isStaff(user) ? 'staff' : { ownerId: user.userId };
}
