import { MAX_MINOR_UNITS } from '@florin/money';
import type { Entry, LedgerAccount, LedgerState, Posting } from './command.ts';

/** What the account can spend, minor units: what is posted less what is held. */
export function available(account: LedgerAccount): bigint {
  return account.posted - account.held;
}

/** Whether the account could give `amount` (> 0) without falling below its floor. */
export function canGive(account: LedgerAccount, amount: bigint): boolean {
  return account.floor === null || available(account) - amount >= account.floor;
}

/** Whether the balance after `amount` more still fits the database's int8. */
export function canReceive(account: LedgerAccount, amount: bigint): boolean {
  return account.posted + amount <= MAX_MINOR_UNITS;
}

/**
 * Puts postings into their accounts' histories, in the given order; an account may occur more than once. It decides
 * nothing: whether the account may give or receive is for the rule to say before.
 * @throws {Error} for a posting on an account that isn't there
 */
export function entriesFor(state: LedgerState, postings: readonly Posting[]): Entry[] {
  const entries: Entry[] = [];
  for (const { account: id, amount } of postings) {
    const account = state.account(id);
    if (!account) throw new Error(`A posting names ledger account ${id}, which does not exist`);
    const before = entries.findLast((entry) => entry.account === id);
    entries.push({
      account: id,
      amount,
      currency: account.currency,
      balanceAfter: (before?.balanceAfter ?? account.posted) + amount,
      version: (before?.version ?? account.version) + 1n,
    });
  }
  return entries;
}
