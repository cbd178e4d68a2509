import {
  type Account,
  after,
  count,
  free,
  type Hold,
  isDue,
  isStaff,
  mayMove,
  No,
  noAnswer,
  type Quote,
  type Transaction,
  type Waiting,
  withinLimits,
} from './model-rows.ts';
import { feeOf, holdSeconds, isPaidOut, needsApproval, quoteSeconds } from './policy.ts';
import { type Caller, type Expected, nothing, type Of, otherCurrency, type TransferWish, type Wish } from './wish.ts';

/** The rules of the bank written down a second time, as short as they can be: no database, no concurrency. */
export class ModelBank {
  accounts: Account[] = [];
  holds: Hold[] = [];
  transactions: Transaction[] = [];
  readonly waiting: Waiting[] = [];
  /** Places in the holds, which have the amounts. */
  readonly withdrawals: number[] = [];
  readonly quotes: Quote[] = [];
  now: Date;

  constructor(now: Date) {
    this.now = now;
  }

  /** Does what is wished, or nothing, and says what the bank has to answer. Prices of quotes are not modelled. */
  answer(wish: Exclude<Wish, { kind: 'quote' }>): Expected {
    try {
      return this.#done(wish);
    } catch (error) {
      return noAnswer(error);
    }
  }

  #done(wish: Exclude<Wish, { kind: 'quote' }>): Expected {
    switch (wish.kind) {
      case 'open': {
        const empty = { status: 'active' as const, posted: 0n, held: 0n, left: new Map() };
        this.accounts.push({ ...wish, ...empty, perTransaction: null, daily: null, monthly: null });
        return { status: 200 };
      }
      case 'change':
        return this.#change(wish);
      case 'deposit':
        return this.#deposit(wish);
      case 'transfer':
        this.#transfer(wish.by, wish);
        return { status: 201 };
      case 'batch':
        return this.#batch(wish);
      case 'approve':
      case 'reject':
        return this.#decide(wish);
      case 'withdraw':
        return this.#withdraw(wish);
      case 'report':
        return this.#report(wish);
      case 'hold':
        return this.#hold(wish);
      case 'capture':
        return this.#capture(wish);
      case 'void':
        this.#release(this.#ending(this.#concerning(wish.by, wish.hold)));
        return { status: 200 };
      case 'expire':
        for (const hold of this.holds) if (hold.active && isDue(hold, this.now)) this.#release(hold);
        return { status: 200 };
      case 'wait':
        this.now = after(this.now, wish.seconds);
        return { status: 200 };
      case 'reverse':
        return this.#reverse(wish);
      case 'convert':
        return this.#convert(wish);
    }
  }

  #change({ account: id, status, limits }: Of<'change'>): Expected {
    const account = this.#account(id);
    if (status === 'closed' && (account.posted !== 0n || account.held !== 0n)) throw new No('account_not_empty');
    Object.assign(account, { status, ...limits });
    return { status: 200 };
  }

  #deposit({ account: id, amount }: Of<'deposit'>): Expected {
    const account = this.#account(id);
    const to = account.status === 'closed' ? undefined : id;
    if (to !== undefined) account.posted += amount;
    this.transactions.push({ type: 'deposit', amount, from: undefined, to, reversed: 0n });
    return { status: 200 };
  }

  #transfer(by: Caller, wish: TransferWish): 'posted' | 'pending_approval' {
    const { from: fromId, to: toId, amount, currency } = wish;
    const [from, to] = [this.accounts[fromId], this.accounts[toId]];
    if (from?.owner !== by) throw new No('not_found');
    if (fromId === toId) throw new No('same_account');
    if (!to) throw new No('account_not_found');
    if (from.currency !== currency || to.currency !== currency) throw new No('currency_mismatch');
    mayMove(from, to);
    const fee = feeOf(amount, currency);
    if (free(from) < amount + fee) throw new No('insufficient_funds');
    withinLimits(from, amount, this.now);
    if (needsApproval(amount, currency)) {
      const hold = this.#setAside({ purpose: 'approval', account: fromId, amount: amount + fee });
      this.waiting.push({ ...wish, hold, outcome: undefined });
      return 'pending_approval';
    }
    this.#move('transfer', fromId, toId, { gives: amount, fee });
    return 'posted';
  }

  #batch({ by, mode, transfers }: Of<'batch'>): Expected {
    const { accounts, holds, transactions } = this;
    const before = structuredClone({ accounts, holds, transactions });
    const alreadyWaiting = this.waiting.length;
    const results: string[] = [];
    for (const transfer of transfers) {
      try {
        const status = this.#transfer(by, transfer);
        if (mode === 'atomic' && status !== 'posted') throw new No('limit_exceeded');
        results.push(status);
      } catch (error) {
        const no = noAnswer(error);
        if (mode === 'independent') results.push(no.code);
        else {
          Object.assign(this, before);
          this.waiting.splice(alreadyWaiting);
          return no;
        }
      }
    }
    return { status: 200, results };
  }

  #decide({ by, kind, waiting: id }: Of<'approve' | 'reject'>): Expected {
    if (!isStaff(by)) throw new No('forbidden');
    const waiting = this.waiting[id];
    const hold = waiting && this.holds[waiting.hold];
    if (!waiting || !hold) throw new No('not_found');
    const { from: fromId, to: toId, amount, currency } = waiting;
    const [from, to] = [this.#account(fromId), this.#account(toId)];
    if (by === 'employee' && from.owner === 0) throw new No('forbidden');
    if (waiting.outcome === kind) return { status: 200 };
    if (waiting.outcome) throw new No('conflict');
    if (kind === 'approve') {
      mayMove(from, to);
      withinLimits(from, amount, this.now);
    }
    waiting.outcome = kind;
    this.#release(hold);
    if (kind === 'approve') this.#move('transfer', fromId, toId, { gives: amount, fee: feeOf(amount, currency) });
    return { status: 200 };
  }

  #withdraw({ by, account: id, amount, currency }: Of<'withdraw'>): Expected {
    const account = this.accounts[id];
    if (account?.owner !== by) throw new No('not_found');
    if (account.currency !== currency) throw new No('currency_mismatch');
    mayMove(account);
    if (free(account) < amount) throw new No('insufficient_funds');
    withinLimits(account, amount, this.now);
    count(account, amount, this.now);
    this.withdrawals.push(this.#setAside({ purpose: 'withdrawal', account: id, amount }));
    return { status: 202 };
  }

  #report({ withdrawal: id }: Of<'report'>): Expected {
    const hold = this.holds[this.withdrawals[id] ?? nothing];
    if (!hold?.active) return { status: 200 };
    this.#release(hold);
    if (isPaidOut(hold.amount)) {
      const { account: from, amount } = hold;
      this.#account(from).posted -= amount;
      this.transactions.push({ type: 'withdrawal', amount, from, to: undefined, reversed: 0n });
    }
    return { status: 200 };
  }

  #hold({ by, account: id, to: toId, amount, currency, expiresIn = holdSeconds }: Of<'hold'>): Expected {
    const account = this.accounts[id];
    const to = this.accounts[toId ?? nothing];
    if (account?.owner !== by) throw new No('not_found');
    if (toId === id) throw new No('same_account');
    if (toId !== undefined && !to) throw new No('account_not_found');
    if (account.currency !== currency || (to && to.currency !== currency)) throw new No('currency_mismatch');
    mayMove(account, to);
    if (free(account) < amount) throw new No('insufficient_funds');
    withinLimits(account, amount, this.now);
    this.#setAside({ account: id, to: toId, amount, expiresAt: after(this.now, expiresIn) });
    return { status: 201 };
  }

  #capture({ by, hold: id, amount: wanted, to: chosen }: Of<'capture'>): Expected {
    const hold = this.#concerning(by, id);
    const [toId, amount] = [chosen ?? hold.to, wanted ?? hold.amount];
    const [from, to] = [this.#account(hold.account), this.accounts[toId ?? nothing]];
    if (toId === undefined) throw new No('validation_failed');
    if (toId !== hold.to && !isStaff(by) && by !== from.owner) throw new No('validation_failed');
    this.#ending(hold);
    if (amount > hold.amount) throw new No('capture_exceeds_hold');
    if (toId === hold.account) throw new No('same_account');
    if (!to) throw new No('account_not_found');
    if (to.currency !== from.currency) throw new No('currency_mismatch');
    if (to.status === 'closed') throw new No('account_closed');
    mayMove(from, to);
    if (needsApproval(amount, from.currency) && by !== 'operator') throw new No('limit_exceeded');
    withinLimits(from, amount, this.now);
    this.#release(hold);
    this.#move('transfer', hold.account, toId, { gives: amount });
    return { status: 200 };
  }

  #reverse({ by, transaction: id, amount: wanted }: Of<'reverse'>): Expected {
    const original = this.transactions[id];
    const { from: payerId = nothing, to: payeeId = nothing } = original ?? {};
    const [payer, payee] = [this.accounts[payerId], this.accounts[payeeId]];
    const may = isStaff(by) || payee?.owner === by;
    if (!original || !(may || payer?.owner === by)) throw new No('not_found');
    if (!may) throw new No('forbidden');
    if (original.type !== 'transfer') throw new No('not_reversible');
    const left = original.amount - original.reversed;
    const amount = wanted ?? left;
    if (left === 0n || amount > left) throw new No('already_reversed');
    if (!payee || !payer) throw new Error('Both are customers');
    mayMove(payee, payer);
    if (free(payee) < amount) throw new No('insufficient_funds');
    original.reversed += amount;
    this.#move('reversal', payeeId, payerId, { gives: amount });
    return { status: 201 };
  }

  #convert({ by, quote: id, from: fromId, to: toId }: Of<'convert'>): Expected {
    const [quote, from, to] = [this.quotes[id], this.accounts[fromId], this.accounts[toId]];
    if (quote?.by !== by || from?.owner !== by || to?.owner !== by) throw new No('not_found');
    if (fromId === toId) throw new No('same_account');
    if (quote.used || this.now > after(quote.madeAt, quoteSeconds)) throw new No('quote_expired');
    if (from.currency !== quote.sell || to.currency !== otherCurrency(quote.sell)) throw new No('currency_mismatch');
    mayMove(from, to);
    if (free(from) < quote.sellAmount) throw new No('insufficient_funds');
    withinLimits(from, quote.sellAmount, this.now);
    quote.used = true;
    this.#move('conversion', fromId, toId, { gives: quote.sellAmount, gets: quote.buyAmount });
    return { status: 201 };
  }

  #account(id: number): Account {
    const account = this.accounts[id];
    if (!account) throw new Error('There is no such account');
    return account;
  }

  /** The hold, if the caller has to do with it. */
  #concerning(by: Caller, id: number): Hold {
    const hold = this.holds[id];
    const isSide = [hold?.account, hold?.to].some((side) => this.accounts[side ?? nothing]?.owner === by);
    if (!hold || !(isStaff(by) || isSide)) throw new No('not_found');
    return hold;
  }

  /** The hold, if it can still be captured or voided. */
  #ending(hold: Hold): Hold {
    if (hold.purpose !== 'authorization' || !hold.active || isDue(hold, this.now)) throw new No('hold_not_active');
    return hold;
  }

  #setAside(hold: Pick<Hold, 'account' | 'amount'> & Partial<Hold>): number {
    this.#account(hold.account).held += hold.amount;
    return (
      this.holds.push({ purpose: 'authorization', to: undefined, expiresAt: undefined, active: true, ...hold }) - 1
    );
  }

  #release(hold: Hold): void {
    hold.active = false;
    this.#account(hold.account).held -= hold.amount;
  }

  #move(
    type: Transaction['type'],
    fromId: number,
    toId: number,
    { gives, gets = gives, fee = 0n }: { gives: bigint; gets?: bigint; fee?: bigint },
  ): void {
    const from = this.#account(fromId);
    from.posted -= gives + fee;
    this.#account(toId).posted += gets;
    if (type !== 'reversal') count(from, gives, this.now);
    this.transactions.push({ type, amount: gives, from: fromId, to: toId, reversed: 0n });
  }
}
