import { type Database, inTransaction } from '@florin/database';
import { ownerHasAccounts } from '../errors.ts';
import type { Tables } from '../tables.ts';
import { hasOpenAccount, lockOwner, storeClosure } from './owner-queries.ts';

/** Identity wishes to end the relation with somebody. */
export interface ClosureRequest {
  /** UUID */
  owner: string;
  /** Grows with each question that identity asks about this owner. */
  attempt: bigint;
}

/**
 * Closes an owner who has no account left: from the commit on they open none. An opening at the same moment is either
 * seen here or refused there, by the lock of the owner's row.
 *
 * An attempt that was refused stays refused, and one that is older than the newest is refused: identity has gone by
 * their answers, and a copy that comes late must not close somebody who goes on being a customer.
 *
 * @throws {ProblemError} conflict
 */
export async function closeOwner(db: Database<Tables>, { owner, attempt }: ClosureRequest): Promise<void> {
  const closed = await inTransaction(db, async (tx) => {
    const known = await lockOwner(tx, owner);
    if (known.closedAt !== null) return true;
    if (attempt <= known.attempt) return false;
    const decision = { attempt, closed: !(await hasOpenAccount(tx, owner)) };
    await storeClosure(tx, owner, decision);
    return decision.closed;
  });
  if (!closed) throw ownerHasAccounts();
}
