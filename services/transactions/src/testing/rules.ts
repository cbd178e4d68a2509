import { ROOT_CONTEXT } from '@opentelemetry/api';
import type {
  Command,
  Decision,
  LedgerState,
  PaymentState,
  PostedTransaction,
  ReversedTransaction,
} from '../engine/command.ts';
import { entriesFor } from '../engine/entries.ts';
import type { Hold } from '../engine/hold.ts';
import { type FurtherRows, type LockedAccount, WorkingLedger } from '../engine/working-ledger.ts';

/** What tests of pure rules decide on: a ledger in memory, at one instant. */
export const now = new Date('2026-11-20T12:00:00.000Z');

/** The same id for the same number. */
export const uuid = (last: number): string => `0192f0c0-0000-7000-8000-${String(last).padStart(12, '0')}`;

/** An active customer's account with 10.00 USD and three entries, or as told. */
export function lockedAccount(id: string, changes: Partial<LockedAccount> = {}): LockedAccount {
  return {
    id,
    ownerId: uuid(1),
    name: null,
    accountNumber: null,
    currency: 'USD',
    status: 'active',
    posted: 1000n,
    held: 0n,
    heldVersion: 0n,
    version: 3n,
    floor: 0n,
    lastEntryAt: null,
    ...changes,
  };
}

/** An active hold, without an end, or as told. */
export function activeHold(id: string, accountId: string, amount: bigint, changes: Partial<Hold> = {}): Hold {
  return {
    id,
    purpose: 'authorization',
    accountId,
    toAccountId: null,
    amount,
    capturedAmount: 0n,
    currency: 'USD',
    status: 'active',
    description: null,
    initiatedBy: 'service:test',
    traceId: null,
    expiresAt: null,
    createdAt: now,
    updatedAt: now,
    ...changes,
  };
}

/** A transfer of 2.50 USD that has been posted, of which nothing is reversed yet, or as told. */
export function reversible(id: string, debit: string, credit: string, changes: Partial<ReversedTransaction> = {}) {
  return {
    id,
    type: 'transfer' as const,
    amount: 250n,
    currency: 'USD',
    debitAccountId: debit,
    creditAccountId: credit,
    holdId: null,
    initiatedBy: 'service:test',
    reversedAmount: 0n,
    ...changes,
  };
}

/** A transaction that moves money by the entries that follow in the state. */
export function movement(
  state: LedgerState,
  from: string,
  to: string,
  amount: bigint,
  changes: Partial<PostedTransaction> = {},
): PostedTransaction {
  return {
    id: uuid(100),
    type: 'transfer',
    amount,
    currency: 'USD',
    debitAccountId: from,
    creditAccountId: to,
    description: null,
    metadata: {},
    reversalOf: null,
    holdId: null,
    initiatedBy: 'service:test',
    traceId: null,
    createdAt: state.now,
    postedAt: state.now,
    effectiveAt: state.now,
    entries: entriesFor(state, [
      { account: from, amount: -amount },
      { account: to, amount },
    ]),
    ...changes,
  };
}

/** A ledger with these rows. */
export function ledgerOf(
  accounts: readonly LockedAccount[],
  rows: FurtherRows & { payments?: readonly PaymentState[]; clock?: () => Date } = {},
): WorkingLedger {
  return new WorkingLedger(accounts, rows.payments ?? [], rows.clock ?? (() => now), rows);
}

/** A command that names what it is told to name. */
export function commandOn(
  accounts: readonly string[],
  names: Partial<Command> = {},
  decide: (state: LedgerState) => Decision = unasked,
): Command {
  return { id: uuid(100), kind: 'test', accounts, context: ROOT_CONTEXT, decide, ...names };
}

function unasked(): never {
  throw new Error('Nobody asks this command');
}
