import type { LedgerAccount, LedgerState } from '../engine/command.ts';
import { withHold } from '../engine/hold.ts';
import type { AccountLimits } from '../engine/limits.ts';
import type { TransferEffect } from '../transfers/transfer-rules.ts';

/**
 * A ledger state on which several transfers of one command are decided, each seeing the effect of those before. The
 * state below it stays as it is. Taking an effect does not check it: the engine does, for the whole command.
 */
export class MovingState implements LedgerState {
  readonly now: Date;
  readonly payment: LedgerState['payment'];
  readonly hold: LedgerState['hold'];
  readonly reversed: LedgerState['reversed'];
  readonly #below: LedgerState;
  // Also of what has not moved: a look into the state below costs a search through the command's accounts.
  readonly #accounts = new Map<string, LedgerAccount | undefined>();
  readonly #limits = new Map<string, AccountLimits | undefined>();

  constructor(below: LedgerState) {
    this.now = below.now;
    this.payment = (id) => below.payment(id);
    this.hold = (id) => below.hold(id);
    this.reversed = (id) => below.reversed(id);
    this.#below = below;
  }

  account(id: string): LedgerAccount | undefined {
    const known = this.#accounts.get(id);
    if (known || this.#accounts.has(id)) return known;
    const account = this.#below.account(id);
    this.#accounts.set(id, account);
    return account;
  }

  limits(accountId: string): AccountLimits | undefined {
    const known = this.#limits.get(accountId);
    if (known || this.#limits.has(accountId)) return known;
    const limits = this.#below.limits(accountId);
    this.#limits.set(accountId, limits);
    return limits;
  }

  /** Moves accounts and limits on, as the engine will. Its holds are new ones. */
  take({ transactions, holds, limitUses }: TransferEffect): void {
    for (const hold of holds) {
      const account = this.account(hold.accountId);
      if (account) this.#accounts.set(account.id, withHold(account, undefined, hold));
    }
    for (const entry of transactions.flatMap((transaction) => transaction.entries)) {
      const account = this.account(entry.account);
      if (!account) continue;
      this.#accounts.set(account.id, { ...account, posted: entry.balanceAfter, version: entry.version });
    }
    for (const { account, amount } of limitUses) {
      const limits = this.limits(account);
      if (!limits) continue;
      const { usedToday, usedThisMonth } = limits;
      const used = { usedToday: usedToday + amount, usedThisMonth: usedThisMonth + amount };
      this.#limits.set(account, { ...limits, ...used });
    }
  }
}
