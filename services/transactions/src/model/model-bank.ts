import type { TransferWish } from './wish.ts';
import { type Caller, type Currency, type Expected, otherCurrency, type Status, type Wish } from './wish.ts';

interface Account {
  readonly owner: 0 | 1;
  readonly currency: Currency;
  status: Status;
  posted: bigint;
  held: bigint;
  perTransaction: bigint | null;
  monthly: bigint | null;
  /** What has left it at its owner's wish; a run of the test lies within one month. */
  left: bigint;
}

interface Hold {
  readonly account: number;
  readonly to: number | undefined;
  readonly amount: bigint;
  active: boolean;
}

interface Transaction {
  readonly type: 'transfer' | 'deposit' | 'conversion' | 'reversal';
  readonly amount: bigint;
  /** Undefined: one of the bank's own accounts. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  reversed: bigint;
}

interface Quote {
  readonly by: Caller;
  readonly sell: Currency;
  readonly sellAmount: bigint;
  readonly buyAmount: bigint;
  used: boolean;
}

/** A rule's no. */
class No extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const statuses: Readonly<Record<string, number>> = { not_found: 404, forbidden: 403, validation_failed: 400 };
const noAnswer = (error: unknown): Expected & { code: string } => {
  if (!(error instanceof No)) throw error;
  return { status: statuses[error.code] ?? 422, code: error.code };
};

/** The rules of the bank written down a second time, as short as they can be: no database, no time, no concurrency. */
export class ModelBank {
  accounts: Account[] = [];
  holds: Hold[] = [];
  transactions: Transaction[] = [];
  readonly quotes: Quote[] = [];

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
        const empty = { status: 'active' as const, posted: 0n, held: 0n, left: 0n };
        this.accounts.push({ ...wish, ...empty, perTransaction: null, monthly: null });
        return { status: 200 };
      }
      case 'change':
        this.#change(wish);
        return { status: 200 };
      case 'deposit':
        this.#deposit(wish);
        return { status: 200 };
      case 'transfer':
        this.#transfer(wish.by, wish);
        return { status: 201 };
      case 'batch':
        return this.#batch(wish);
      case 'hold':
        this.#hold(wish);
        return { status: 201 };
      case 'capture':
        this.#capture(wish);
        return { status: 200 };
      case 'void':
        this.#end(this.#concerning(wish.by, wish.hold));
        return { status: 200 };
      case 'reverse':
        this.#reverse(wish);
        return { status: 201 };
      case 'convert':
        this.#convert(wish);
        return { status: 201 };
    }
  }

  #change({ account: id, status, limits }: Extract<Wish, { kind: 'change' }>): void {
    const account = this.accounts[id];
    if (!account) throw new Error('Only accounts that are there change');
    if (status === 'closed' && (account.posted !== 0n || account.held !== 0n)) throw new No('account_not_empty');
    Object.assign(account, { status, ...limits });
  }

  #deposit({ account: id, amount }: Extract<Wish, { kind: 'deposit' }>): void {
    const account = this.accounts[id];
    const to = account && account.status !== 'closed' ? id : undefined;
    if (account && to !== undefined) account.posted += amount;
    this.transactions.push({ type: 'deposit', amount, from: undefined, to, reversed: 0n });
  }

  #transfer(by: Caller, { from: fromId, to: toId, amount, currency }: TransferWish): void {
    const [from, to] = [this.accounts[fromId], this.accounts[toId]];
    if (from?.owner !== by) throw new No('not_found');
    if (fromId === toId) throw new No('same_account');
    if (!to) throw new No('account_not_found');
    if (from.currency !== currency || to.currency !== currency) throw new No('currency_mismatch');
    this.#mayMove(from, to);
    if (from.posted - from.held < amount) throw new No('insufficient_funds');
    this.#withinLimits(from, amount);
    this.#move('transfer', fromId, toId, amount);
  }

  #batch({ by, mode, transfers }: Extract<Wish, { kind: 'batch' }>): Expected {
    const before = structuredClone({ accounts: this.accounts, transactions: this.transactions });
    const results: string[] = [];
    for (const transfer of transfers) {
      try {
        this.#transfer(by, transfer);
        results.push('posted');
      } catch (error) {
        const no = noAnswer(error);
        if (mode === 'independent') results.push(no.code);
        else {
          Object.assign(this, before);
          return no;
        }
      }
    }
    return { status: 200, results };
  }

  #hold({ by, account: id, to: toId, amount, currency }: Extract<Wish, { kind: 'hold' }>): void {
    const account = this.accounts[id];
    const to = toId === undefined ? undefined : this.accounts[toId];
    if (account?.owner !== by) throw new No('not_found');
    if (toId === id) throw new No('same_account');
    if (toId !== undefined && !to) throw new No('account_not_found');
    if (account.currency !== currency || (to && to.currency !== currency)) throw new No('currency_mismatch');
    this.#mayMove(account, to);
    if (account.posted - account.held < amount) throw new No('insufficient_funds');
    this.#withinLimits(account, amount);
    account.held += amount;
    this.holds.push({ account: id, to: toId, amount, active: true });
  }

  #concerning(by: Caller, id: number): Hold {
    const hold = this.holds[id];
    const owners = [hold?.account, hold?.to].map((side) =>
      side === undefined ? undefined : this.accounts[side]?.owner,
    );
    if (!hold || !(by === 'operator' || owners.includes(by))) throw new No('not_found');
    return hold;
  }

  #capture({ by, hold: id, amount: wanted, to: chosen }: Extract<Wish, { kind: 'capture' }>): void {
    const hold = this.#concerning(by, id);
    const [toId, amount] = [chosen ?? hold.to, wanted ?? hold.amount];
    const [from, to] = [this.accounts[hold.account], toId === undefined ? undefined : this.accounts[toId]];
    if (toId === undefined || !from) throw new No('validation_failed');
    if (toId !== hold.to && by !== 'operator' && by !== from.owner) throw new No('validation_failed');
    if (!hold.active) throw new No('hold_not_active');
    if (amount > hold.amount) throw new No('capture_exceeds_hold');
    if (toId === hold.account) throw new No('same_account');
    if (!to) throw new No('account_not_found');
    if (to.currency !== from.currency) throw new No('currency_mismatch');
    if (to.status === 'closed') throw new No('account_closed');
    this.#mayMove(from, to);
    this.#withinLimits(from, amount);
    this.#end(hold);
    this.#move('transfer', hold.account, toId, amount);
  }

  #end(hold: Hold): void {
    const account = this.accounts[hold.account];
    if (!hold.active || !account) throw new No('hold_not_active');
    hold.active = false;
    account.held -= hold.amount;
  }

  #reverse({ by, transaction: id, amount: wanted }: Extract<Wish, { kind: 'reverse' }>): void {
    const original = this.transactions[id];
    const [payerId, payeeId] = [original?.from, original?.to];
    const payer = payerId === undefined ? undefined : this.accounts[payerId];
    const payee = payeeId === undefined ? undefined : this.accounts[payeeId];
    const may = by === 'operator' || payee?.owner === by;
    if (!original || !(may || payer?.owner === by)) throw new No('not_found');
    if (!may) throw new No('forbidden');
    if (original.type !== 'transfer') throw new No('not_reversible');
    const left = original.amount - original.reversed;
    const amount = wanted ?? left;
    if (left === 0n || amount > left) throw new No('already_reversed');
    if (!payee || !payer || payeeId === undefined || payerId === undefined) throw new Error('Both are customers');
    this.#mayMove(payee, payer);
    if (payee.posted - payee.held < amount) throw new No('insufficient_funds');
    original.reversed += amount;
    this.#move('reversal', payeeId, payerId, amount);
  }

  #convert({ by, quote: id, from: fromId, to: toId }: Extract<Wish, { kind: 'convert' }>): void {
    const [quote, from, to] = [this.quotes[id], this.accounts[fromId], this.accounts[toId]];
    if (quote?.by !== by || from?.owner !== by || to?.owner !== by) throw new No('not_found');
    if (fromId === toId) throw new No('same_account');
    if (quote.used) throw new No('quote_expired');
    if (from.currency !== quote.sell || to.currency !== otherCurrency(quote.sell)) throw new No('currency_mismatch');
    this.#mayMove(from, to);
    if (from.posted - from.held < quote.sellAmount) throw new No('insufficient_funds');
    this.#withinLimits(from, quote.sellAmount);
    quote.used = true;
    this.#move('conversion', fromId, toId, quote.sellAmount, quote.buyAmount);
  }

  #mayMove(from: Account, to: Account | undefined): void {
    if (from.status !== 'active') throw new No(`account_${from.status}`);
    if (to?.status === 'closed') throw new No('account_closed');
  }

  #withinLimits({ perTransaction, monthly, left }: Account, amount: bigint): void {
    const beyond =
      (perTransaction !== null && amount > perTransaction) || (monthly !== null && left + amount > monthly);
    if (beyond) throw new No('limit_exceeded');
  }

  #move(type: Transaction['type'], fromId: number, toId: number, amount: bigint, received = amount): void {
    const [from, to] = [this.accounts[fromId], this.accounts[toId]];
    if (!from || !to) throw new Error('Money moves between accounts that are there');
    from.posted -= amount;
    to.posted += received;
    if (type !== 'reversal') from.left += amount;
    this.transactions.push({ type, amount, from: fromId, to: toId, reversed: 0n });
  }
}
