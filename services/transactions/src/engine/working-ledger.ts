import type {
  Command,
  LedgerAccount,
  LedgerState,
  PaymentChange,
  PaymentState,
  PostedTransaction,
  ReversedTransaction,
} from './command.ts';
import { available } from './entries.ts';
import { brokenHoldLaw, type Hold, withHold } from './hold.ts';
import { type LimitUse, limitsAt, type PeriodUse, periodsOf, type ReadLimits } from './limits.ts';

/** A ledger account as locked, with the instant of its last entry. */
export interface LockedAccount extends LedgerAccount {
  readonly lastEntryAt: Date | null;
}

/** What few batches need besides accounts and payments, locked or read after them. */
export interface FurtherRows {
  readonly holds?: Iterable<Hold>;
  readonly limits?: Iterable<ReadLimits>;
  readonly reversed?: Iterable<ReversedTransaction>;
}

/** The parts of a decision that the ledger takes over. */
export interface Effect {
  readonly transactions: readonly PostedTransaction[];
  readonly payments?: readonly PaymentChange[];
  readonly holds?: readonly Hold[];
  readonly limitUses?: readonly LimitUse[];
}

/** A rule's verdict broke a law of the ledger: a bug in the rule. The command fails, nothing of it is written. */
export class LedgerLawError extends Error {
  override readonly name = 'LedgerLawError';
}

/**
 * The locked rows of one batch, moved on by each applied command so that the next one sees its effect. What it holds
 * at the end is what the batch writes.
 */
export class WorkingLedger {
  readonly #accounts: Map<string, LockedAccount>;
  readonly #payments: Map<string, PaymentState>;
  readonly #holds: Map<string, Hold>;
  readonly #limits: Map<string, ReadLimits>;
  readonly #reversed: Map<string, ReversedTransaction>;
  readonly #changedAccounts = new Set<string>();
  readonly #newHolds = new Set<string>();
  readonly #changedHolds = new Set<string>();
  readonly #uses = new Map<string, PeriodUse>();
  readonly #clock: () => Date;

  constructor(
    accounts: Iterable<LockedAccount>,
    payments: Iterable<PaymentState>,
    clock: () => Date,
    { holds = [], limits = [], reversed = [] }: FurtherRows = {},
  ) {
    this.#accounts = byId(accounts);
    this.#payments = byId(payments);
    this.#holds = byId(holds);
    this.#limits = new Map(Array.from(limits, (item) => [item.accountId, item]));
    this.#reversed = byId(reversed);
    this.#clock = clock;
  }

  /** What `command` may see, and nothing else. */
  stateFor(command: Command): LedgerState {
    const now = this.#instantFor(command);
    const account = named(command.accounts, 'ledger account');
    const payment = named(command.payments, 'payment');
    const hold = named(command.holds, 'hold');
    const limitsOf = named(command.limitsOf, 'the limits of');
    const reversed = named(command.reversalsOf, 'the reversals of');
    return {
      now,
      account: (id) => this.#accounts.get(account(id)),
      payment: (id) => this.#payments.get(payment(id)),
      hold: (id) => this.#holds.get(hold(id)),
      limits: (id) => {
        // Limits come with the locked account: of another one they would not be known, and none would hold.
        const limits = this.#limits.get(limitsOf(account(id)));
        return limits && limitsAt(limits, now);
      },
      reversed: (id) => this.#reversed.get(reversed(id)),
    };
  }

  /**
   * Takes the effect of `command`, all of it or, when it throws, none. Holds count before entries, so that what is
   * captured is there to leave.
   * @throws {LedgerLawError}
   */
  apply(command: Command, { transactions, payments = [], holds = [], limitUses = [] }: Effect, now: Date): void {
    const moved = new Map<string, LockedAccount>();
    const accountNow = (id: string) => moved.get(id) ?? this.#accounts.get(id);
    const heldNow = new Map<string, Hold>();
    for (const hold of holds) {
      const before = heldNow.get(hold.id) ?? this.#holds.get(hold.id);
      moved.set(hold.accountId, accountWithHold(accountNow(hold.accountId), before, hold));
      heldNow.set(hold.id, hold);
    }
    for (const transaction of transactions) {
      assertBalanced(transaction);
      for (const entry of transaction.entries) {
        moved.set(entry.account, movedAccount(accountNow(entry.account), entry, transaction.postedAt));
      }
    }
    for (const [id, account] of moved) assertFloor(this.#accounts.get(id), account);
    const updates = payments.map((change) => this.#updatedPayment(change));
    const reversed = this.#afterReversals(transactions);
    const limits = this.#afterUses(command, limitUses, now);
    for (const [id, account] of moved) {
      this.#accounts.set(id, account);
      this.#changedAccounts.add(id);
    }
    for (const payment of updates) this.#payments.set(payment.id, payment);
    for (const hold of heldNow.values()) this.#takeHold(hold);
    for (const item of reversed) this.#reversed.set(item.id, item);
    for (const item of limits) this.#limits.set(item.accountId, item);
    this.#countUses(limitUses, now);
  }

  /** The accounts that got entries or holds, in their last state. */
  changedAccounts(): LockedAccount[] {
    return Array.from(this.#accounts.values()).filter((account) => this.#changedAccounts.has(account.id));
  }

  /** The holds that were made in this batch, in their last state. */
  newHolds(): Hold[] {
    return Array.from(this.#holds.values()).filter((hold) => this.#newHolds.has(hold.id));
  }

  /** The holds that were there before and have changed, in their last state. */
  changedHolds(): Hold[] {
    return Array.from(this.#holds.values()).filter((hold) => this.#changedHolds.has(hold.id));
  }

  /** What to add to the counters of limits, ordered, one row per account and period. */
  limitUses(): PeriodUse[] {
    return Array.from(this.#uses.keys())
      .sort()
      .flatMap((key) => this.#uses.get(key) ?? []);
  }

  /** Replicas' clocks differ by a little; an account's entries never go back in time, whoever writes them. */
  #instantFor(command: Command): Date {
    let instant = this.#clock();
    for (const id of command.accounts) {
      const last = this.#accounts.get(id)?.lastEntryAt;
      if (last && last > instant) instant = last;
    }
    return instant;
  }

  #takeHold(hold: Hold): void {
    if (!this.#holds.has(hold.id)) this.#newHolds.add(hold.id);
    else if (!this.#newHolds.has(hold.id)) this.#changedHolds.add(hold.id);
    this.#holds.set(hold.id, hold);
  }

  #updatedPayment(change: PaymentChange): PaymentState {
    const payment = this.#payments.get(change.id);
    if (!payment) throw new LedgerLawError(`Payment ${change.id} is not locked`);
    return {
      ...payment,
      status: change.status,
      providerReference: change.providerReference ?? payment.providerReference,
    };
  }

  #afterReversals(transactions: readonly PostedTransaction[]): Iterable<ReversedTransaction> {
    const after = new Map<string, ReversedTransaction>();
    for (const { reversalOf, amount } of transactions) {
      if (reversalOf === null) continue;
      const before = after.get(reversalOf) ?? this.#reversed.get(reversalOf);
      if (!before) throw new LedgerLawError(`Transaction ${reversalOf} is not named as one to reverse`);
      const reversedAmount = before.reversedAmount + amount;
      if (reversedAmount > before.amount)
        throw new LedgerLawError(`More of ${reversalOf} would be reversed than it has`);
      after.set(reversalOf, { ...before, reversedAmount });
    }
    return after.values();
  }

  #afterUses(command: Command, limitUses: readonly LimitUse[], now: Date): Iterable<ReadLimits> {
    const after = new Map<string, ReadLimits>();
    for (const { account, amount } of limitUses) {
      if (!command.limitsOf?.includes(account) || !command.accounts.includes(account)) {
        throw new LedgerLawError(`The command did not name the limits of ${account}`);
      }
      const before = after.get(account) ?? this.#limits.get(account);
      if (!before) continue;
      const uses = new Map(before.uses);
      for (const period of Object.values(periodsOf(now))) uses.set(period, (uses.get(period) ?? 0n) + amount);
      after.set(account, { ...before, uses });
    }
    return after.values();
  }

  #countUses(limitUses: readonly LimitUse[], now: Date): void {
    for (const { account, amount } of limitUses) {
      for (const period of Object.values(periodsOf(now))) {
        const key = `${account} ${period}`;
        this.#uses.set(key, { accountId: account, period, amount: (this.#uses.get(key)?.amount ?? 0n) + amount });
      }
    }
  }
}

function byId<Row extends { readonly id: string }>(rows: Iterable<Row>): Map<string, Row> {
  return new Map(Array.from(rows, (row) => [row.id, row]));
}

/** Lets the ids pass that a command has named. A batch names a thousand accounts, and its rules ask for each several times. */
function named(ids: readonly string[] = [], what: string): (id: string) => string {
  const many = ids.length > 8 ? new Set(ids) : undefined;
  return (id) => {
    if (!(many?.has(id) ?? ids.includes(id))) throw new LedgerLawError(`The command did not name ${what} ${id}`);
    return id;
  };
}

function assertBalanced(transaction: PostedTransaction): void {
  const sums = new Map<string, bigint>();
  for (const { currency, amount } of transaction.entries) sums.set(currency, (sums.get(currency) ?? 0n) + amount);
  if (transaction.entries.length < 2) throw new LedgerLawError('A transaction needs two entries at least');
  for (const [currency, sum] of sums) {
    if (sum !== 0n) throw new LedgerLawError(`The entries of a transaction sum to ${sum} ${currency} minor units`);
  }
}

function accountWithHold(account: LockedAccount | undefined, before: Hold | undefined, after: Hold): LockedAccount {
  if (!account) throw new LedgerLawError(`Ledger account ${after.accountId} is not locked`);
  const broken = brokenHoldLaw(before, after, account);
  if (broken !== undefined) throw new LedgerLawError(`Hold ${after.id} ${broken}`);
  const held = withHold(account, before, after);
  if (held.held < 0n) throw new LedgerLawError(`Ledger account ${account.id} would hold less than nothing`);
  return held;
}

function movedAccount(
  account: LockedAccount | undefined,
  entry: PostedTransaction['entries'][number],
  at: Date,
): LockedAccount {
  if (!account) throw new LedgerLawError(`Ledger account ${entry.account} is not locked`);
  const follows =
    entry.amount !== 0n &&
    entry.version === account.version + 1n &&
    entry.balanceAfter === account.posted + entry.amount &&
    entry.currency === account.currency;
  if (!follows) throw new LedgerLawError(`An entry does not follow the last one of ledger account ${account.id}`);
  return { ...account, posted: entry.balanceAfter, version: entry.version, lastEntryAt: at };
}

/** What was below its floor before may rise, not fall. */
function assertFloor(before: LockedAccount | undefined, after: LockedAccount): void {
  if (after.floor === null || available(after) >= after.floor) return;
  if (before && available(after) >= available(before)) return;
  throw new LedgerLawError(`Ledger account ${after.id} would fall below its floor`);
}
