import type { TestIssuer } from '@florin/auth/testing';
import { formatAmount } from '@florin/money';
import { formatId, newUuid } from '@florin/service';
import type { Names } from './names.ts';
import type { Request } from './real-bank.ts';
import { type Caller, otherCurrency, type TransferWish, type Wish } from './wish.ts';

type Keyed = Exclude<Wish, { kind: 'deposit' }>;

/** Writes wishes as requests of two customers and an operator, with the ids that the real bank gave. */
export class RequestWriter {
  /** uuids */
  readonly customers = [newUuid(), newUuid()] as const;
  readonly #names: Names;
  readonly #tokens: Record<Caller, string>;
  readonly #service: string;

  constructor(names: Names, issuer: TestIssuer) {
    this.#names = names;
    const [first, second] = this.customers.map((userId) => issuer.userToken({ userId }));
    const operator = issuer.userToken({ roles: ['operator'] });
    this.#tokens = { 0: first ?? '', 1: second ?? '', operator };
    this.#service = issuer.serviceToken('accounts', 'transactions');
  }

  write(wish: Keyed): Request {
    const token = 'by' in wish ? this.#tokens[wish.by] : this.#service;
    return { token, ...this.#request(wish) };
  }

  #request(wish: Keyed): Omit<Request, 'token'> {
    const post = (url: string, body?: object) => ({ method: 'POST' as const, url, ...(body && { body }) });
    switch (wish.kind) {
      case 'open':
        return this.#put(formatId('acc', newUuid()), { ...wish, status: 'active', version: 1 });
      case 'change':
        return this.#change(wish);
      case 'transfer':
        return post('/v1/transfers', this.#transfer(wish));
      case 'batch': {
        const transfers = wish.transfers.map((transfer) => this.#transfer(transfer));
        return post('/v1/transfers/batch', { mode: wish.mode, transfers });
      }
      case 'hold': {
        const to = wish.to === undefined ? {} : { to: this.#account(wish.to) };
        const { currency } = wish;
        return post('/v1/holds', { account: this.#account(wish.account), amount: money(wish.amount), currency, ...to });
      }
      case 'capture': {
        const to = wish.to === undefined ? {} : { to: this.#account(wish.to) };
        return post(`/v1/holds/${this.#hold(wish.hold)}/capture`, { ...optional(wish.amount), ...to });
      }
      case 'void':
        return post(`/v1/holds/${this.#hold(wish.hold)}/void`);
      case 'reverse': {
        const id = this.#names.transactions[wish.transaction]?.id ?? formatId('txn', newUuid());
        return post(`/v1/transactions/${id}/reverse`, optional(wish.amount));
      }
      case 'quote': {
        const { sell, amount } = wish;
        return post('/v1/fx/quotes', { sell, buy: otherCurrency(sell), side: 'sell', amount: money(amount) });
      }
      case 'convert': {
        const quote = this.#names.quotes[wish.quote]?.id ?? formatId('fxq', newUuid());
        return post('/v1/conversions', { quote, from: this.#account(wish.from), to: this.#account(wish.to) });
      }
    }
  }

  #change({ account: place, status, limits }: Extract<Wish, { kind: 'change' }>): Omit<Request, 'token'> {
    const account = this.#names.accounts[place];
    if (!account) throw new Error('Only accounts that are there change');
    account.version += 1;
    const text = (limit: bigint | null) => (limit === null ? null : money(limit));
    const told = limits && {
      limits: { perTransaction: text(limits.perTransaction), daily: null, monthly: text(limits.monthly) },
    };
    return this.#put(account.id, { ...account, status, ...told });
  }

  #put(
    id: string,
    account: { owner: 0 | 1; currency: string; status: string; version: number; limits?: object },
  ): Omit<Request, 'token'> {
    const { owner, currency, status, version, limits } = account;
    const accountNumber = `XX00${id.slice(-20).toUpperCase()}`;
    const body = { owner: formatId('usr', this.customers[owner]), currency, accountNumber, status, version };
    return { method: 'PUT', url: `/internal/ledger-accounts/${id}`, body: { ...body, ...(limits && { limits }) } };
  }

  #transfer({ from, to, amount, currency }: TransferWish) {
    return { from: this.#account(from), to: this.#account(to), amount: money(amount), currency };
  }

  #account(place: number): string {
    return this.#names.accounts[place]?.id ?? formatId('acc', newUuid());
  }

  #hold(place: number): string {
    return this.#names.holds[place]?.id ?? formatId('hld', newUuid());
  }
}

function optional(amount: bigint | undefined): { amount?: string } {
  return amount === undefined ? {} : { amount: money(amount) };
}

/** With the scale that both currencies have. */
function money(amount: bigint): string {
  return formatAmount(amount, 'USD');
}
