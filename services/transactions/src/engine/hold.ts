/** Only an `active` hold keeps money back; the other statuses are ends. */
export type HoldStatus = 'active' | 'captured' | 'voided' | 'expired';

/**
 * What money is set aside for. Only an `authorization` is captured, voided and expired as a hold; the others end with the
 * payment or the transfer that they stand for.
 */
export type HoldPurpose = 'authorization' | 'withdrawal' | 'approval';

/** Money of an account set aside. All of it is released when the hold ends; what is captured leaves by a transaction. */
export interface Hold {
  readonly id: string;
  readonly purpose: HoldPurpose;
  readonly accountId: string;
  /** Who may capture it, and where captured money goes unless told otherwise. */
  readonly toAccountId: string | null;
  /** Minor units of `currency`, > 0. */
  readonly amount: bigint;
  /** More than 0 exactly when captured, and at most `amount`. */
  readonly capturedAmount: bigint;
  readonly currency: string;
  readonly status: HoldStatus;
  readonly description: string | null;
  /** `usr_…` or `service:<name>`. */
  readonly initiatedBy: string;
  readonly traceId: string | null;
  /** Null for one that ends with something else. */
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A ledger account as far as holds have to do with it. */
export interface HoldingAccount {
  readonly id: string;
  readonly currency: string;
  readonly held: bigint;
  readonly heldVersion: bigint;
}

/** What the hold keeps back now, minor units. */
export function heldBy(hold: Hold | undefined): bigint {
  return hold?.status === 'active' ? hold.amount : 0n;
}

/** The account after one of its holds went from `before` (undefined when it is new) to `after`. */
export function withHold<Account extends HoldingAccount>(
  account: Account,
  before: Hold | undefined,
  after: Hold,
): Account {
  const change = heldBy(after) - heldBy(before);
  if (change === 0n) return account;
  return { ...account, held: account.held + change, heldVersion: account.heldVersion + 1n };
}

/** Why the hold may not go from `before` to `after`; undefined when it may. */
export function brokenHoldLaw(before: Hold | undefined, after: Hold, account: HoldingAccount): string | undefined {
  if (account.id !== after.accountId || account.currency !== after.currency) return 'does not fit its account';
  if (after.amount <= 0n) return 'keeps nothing back';
  if (after.capturedAmount < 0n || after.capturedAmount > after.amount) return 'is captured beyond its amount';
  if ((after.status === 'captured') !== after.capturedAmount > 0n) return 'is captured by name only';
  if (!before) return undefined;
  if (before.status !== 'active') return `is ${before.status} already`;
  const same =
    before.accountId === after.accountId && before.amount === after.amount && before.currency === after.currency;
  return same ? undefined : 'is another than before';
}
