import { formatId } from '@florin/service';

/** Somebody's wish to be erased, taken by one process for one attempt. Ids are uuids. */
export interface ErasureAttempt {
  userId: string;
  /** Grows with each attempt; an older one has no say any more. */
  attempt: bigint;
  /** The person, or the admin who asks for it. */
  requestedBy: string;
  /** From where it was asked, for the audit log. */
  ip: string | null;
}

/**
 * What became of an attempt. `refused`: there are open accounts, and nothing has happened. `later`: that could not be
 * found out; the wish stands and is tried again.
 */
export type ErasureOutcome = 'erased' | 'refused' | 'later';

/** What is left of a person. */
export interface ErasedUser {
  /** uuid */
  id: string;
  createdAt: Date;
  erasedAt: Date;
}

/** For so long nobody else takes up an attempt; far longer than one takes. */
export const leaseMs = 15_000;
/** Until an attempt that came to nothing is made again. */
export const retryMs = 5_000;

/** Shows operators whom an id in the ledger or the audit log stood for: that nobody knows any more. */
export function viewErasedUser({ id, createdAt, erasedAt }: ErasedUser) {
  return {
    id: formatId('usr', id),
    email: null,
    name: null,
    locale: null,
    roles: [],
    status: 'erased' as const,
    emailVerified: false,
    kycLevel: 'none' as const,
    createdAt: createdAt.toISOString(),
    erasedAt: erasedAt.toISOString(),
  };
}
