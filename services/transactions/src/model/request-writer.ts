import type { TestIssuer } from '@florin/auth/testing';
import { formatAmount } from '@florin/money';
import { formatId, newUuid } from '@florin/service';
import type { Request } from './messages.ts';
import type { Names } from './names.ts';
import { type Caller, type Of, otherCurrency, type TransferWish, type Wish } from './wish.ts';

/** What is asked for by a request; the rest happens to the bank. */
export type Asked = Exclude<Wish, { kind: 'deposit' | 'report' | 'wait' | 'expire' }>;

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
    const employee = issuer.userToken({ userId: this.customers[0], roles: ['customer', 'operator'] });
    this.#tokens = { 0: first ?? '', 1: second ?? '', operator, employee };
    this.#service = issuer.serviceToken('accounts', 'transactions');
  }

  write(wish: Asked): Request {
    const token = 'by' in wish ? this.#tokens[wish.by] : this.#service;
    return { token, ...this.#request(wish) };
  }

  #request(wish: Asked): Omit<Request, 'token'> {
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
        const { currency, expiresIn } = wish;
        const money = { account: this.#account(wish.account), amount: decimal(wish.amount), currency };
        return post('/v1/holds', { ...money, ...to, ...(expiresIn !== undefined && { expiresIn }) });
      }
      case 'capture': {
        const to = wish.to === undefined ? {} : { to: this.#account(wish.to) };
        return post(`/v1/holds/${this.#hold(wish.hold)}/capture`, { ...optional(wish.amount), ...to });
      }
      case 'withdraw': {
        const destination = { type: 'card', token: 'tok_ok' };
        const { account, amount, currency } = wish;
        return post('/v1/withdrawals', {
          account: this.#account(account),
          amount: decimal(amount),
          currency,
          destination,
        });
      }
      case 'approve':
      case 'reject': {
        const id = this.#names.waiting[wish.waiting]?.id ?? formatId('txn', newUuid());
        return post(`/v1/transactions/${id}/${wish.kind}`);
      }
      case 'void':
        return post(`/v1/holds/${this.#hold(wish.hold)}/void`);
      case 'reverse': {
        const id = this.#names.transactions[wish.transaction]?.id ?? formatId('txn', newUuid());
        return post(`/v1/transactions/${id}/reverse`, optional(wish.amount));
      }
      case 'quote': {
        const { sell, amount } = wish;
        return post('/v1/fx/quotes', { sell, buy: otherCurrency(sell), side: 'sell', amount: decimal(amount) });
      }
      case 'convert': {
        const quote = this.#names.quotes[wish.quote]?.id ?? formatId('fxq', newUuid());
        return post('/v1/conversions', { quote, from: this.#account(wish.from), to: this.#account(wish.to) });
      }
    }
  }

  #change({ account: place, status, limits }: Of<'change'>): Omit<Request, 'token'> {
    const account = this.#names.accounts[place];
    if (!account) throw new Error('Only accounts that are there change');
    account.version += 1;
    const text = (limit: bigint | null) => (limit === null ? null : decimal(limit));
    const told = limits && {
      limits: { perTransaction: text(limits.perTransaction), daily: text(limits.daily), monthly: text(limits.monthly) },
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
    return { from: this.#account(from), to: this.#account(to), amount: decimal(amount), currency };
  }

  #account(place: number): string {
    return this.#names.accounts[place]?.id ?? formatId('acc', newUuid());
  }

  #hold(place: number): string {
    return this.#names.holds[place]?.id ?? formatId('hld', newUuid());
  }
}

function optional(amount: bigint | undefined): { amount?: string } {
  return amount === undefined ? {} : { amount: decimal(amount) };
}

/** With the scale that both currencies have. */
function decimal(amount: bigint): string {
  return formatAmount(amount, 'USD');
}
