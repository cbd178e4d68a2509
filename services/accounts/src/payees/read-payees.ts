import type { Database } from '@florin/database';
import { cursorPart, decodeCursor, encodeCursor } from '@florin/service';
import type { Tables } from '../tables.ts';
import type { Payee } from './payee.ts';
import { listPayees } from './payee-queries.ts';

/**
 * A page of the owner's payees, newest first. Nobody else reads them, staff neither.
 *
 * @throws {ProblemError} invalid_cursor
 */
export async function readPayees(
  db: Database<Tables>,
  { owner, cursor, limit }: { owner: string; cursor: string | undefined; limit: number },
): Promise<{ payees: Payee[]; nextCursor: string | null }> {
  const [before] = cursor === undefined ? [] : decodeCursor(cursor, [cursorPart.uuid]);
  const found = await listPayees(db, owner, { before, limit: limit + 1 });
  const payees = found.slice(0, limit);
  const last = payees.at(-1);
  return { payees, nextCursor: last && found.length > limit ? encodeCursor([last.id]) : null };
}
