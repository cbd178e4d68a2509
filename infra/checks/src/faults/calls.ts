import { type BankAccount, type Customer, decimal } from './bank.ts';
import type { Effect } from './history.ts';

/** A request that changes something, made again with its key until its outcome is known. */
export interface Call {
  readonly key: string;
  readonly kind: string;
  readonly by: Customer;
  readonly path: string;
  readonly body: object;
  /** What it comes to by a definite answer. */
  effects(answer: Answer): Effect[];
}

/** A definite answer. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Money from one account to another, in minor units. */
export interface Order {
  readonly from: BankAccount;
  readonly to: BankAccount;
  readonly amount: number;
}

type Movement = Omit<Effect, 'outcome' | 'transaction'>;

/** POST /v1/transfers. */
export function transferCall(key: string, order: Order): Call {
  return {
    ...{ key, by: order.from.owner, kind: 'transfer', path: '/v1/transfers', body: transferBody(order, key) },
    effects: single(movementOf('transfer', key, order)),
  };
}

/** POST /v1/transfers/batch: all orders are from accounts of one customer. */
export function batchCall(key: string, by: Customer, mode: 'atomic' | 'independent', orders: readonly Order[]): Call {
  const nameOf = (index: number) => `${key}/${index}`;
  return {
    ...{ key, by, kind: `${mode} batch`, path: '/v1/transfers/batch' },
    body: { mode, transfers: orders.map((order, index) => transferBody(order, nameOf(index))) },
    effects: (answer) => {
      const { results } = isOk(answer) ? (JSON.parse(answer.text) as BatchAnswer) : { results: [] };
      return orders.map((order, index): Effect => {
        const movement = movementOf('transfer', nameOf(index), order);
        const transaction = results[index]?.transaction?.id;
        return transaction === undefined
          ? { ...movement, outcome: 'fail' }
          : { ...movement, outcome: 'ok', transaction };
      });
    },
  };
}

interface BatchAnswer {
  readonly results: readonly { readonly transaction?: { readonly id: string } }[];
}

/** POST /v1/holds. */
export function holdCall(key: string, order: Order): Call {
  const { from, to, amount } = order;
  const body = { account: from.id, to: to.id, amount: decimal(amount), currency: from.currency, description: key };
  return {
    ...{ key, by: from.owner, kind: 'hold', path: '/v1/holds', body },
    effects: single(movementOf('hold', key, order), false),
  };
}

/** POST /v1/holds/{id}/capture, of a part or all. */
export function captureCall(key: string, hold: string, order: Order): Call {
  const body = { amount: decimal(order.amount) };
  return {
    ...{ key, by: order.from.owner, kind: 'capture', path: `/v1/holds/${hold}/capture`, body },
    effects: single(movementOf('transfer', key, order)),
  };
}

/** POST /v1/holds/{id}/void. */
export function voidCall(key: string, hold: string, order: Order): Call {
  return {
    ...{ key, by: order.from.owner, kind: 'void', path: `/v1/holds/${hold}/void`, body: {} },
    effects: single(movementOf('void', key, order), false),
  };
}

/** POST /v1/transactions/{id}/reverse: the money goes back from `order.to` to `order.from`. */
export function refundCall(key: string, transaction: string, { from, to, amount }: Order): Call {
  const path = `/v1/transactions/${transaction}/reverse`;
  return {
    ...{ key, by: to.owner, kind: 'refund', path, body: { amount: decimal(amount) } },
    effects: single(movementOf('reversal', key, { from: to, to: from, amount })),
  };
}

/** POST /v1/deposits, by a card of the sandbox that pays. */
export function depositCall(key: string, account: BankAccount, amount: number): Call {
  const { id, uuid, currency } = account;
  const source = { type: 'card', token: 'tok_ok' };
  return {
    ...{ key, by: account.owner, kind: 'deposit', path: '/v1/deposits' },
    body: { account: id, amount: decimal(amount), currency, source },
    effects: single({ request: key, type: 'deposit', amount: String(amount), currency, from: null, to: uuid }),
  };
}

/** `txn_…` or `hld_…` of an answer about one thing. */
export function idIn({ text }: Answer): string {
  return (JSON.parse(text) as { id: string }).id;
}

export function isOk({ status }: Answer): boolean {
  return status < 300;
}

function transferBody({ from, to, amount }: Order, description: string): object {
  return { from: from.id, to: to.id, amount: decimal(amount), currency: from.currency, description };
}

function movementOf(type: string, request: string, { from, to, amount }: Order): Movement {
  return { request, type, amount: String(amount), currency: from.currency, from: from.uuid, to: to.uuid };
}

function single(movement: Movement, isTransaction = true): Call['effects'] {
  return (answer) => {
    if (!isOk(answer)) return [{ ...movement, outcome: 'fail' }];
    return [{ ...movement, outcome: 'ok', ...(isTransaction && { transaction: idIn(answer) }) }];
  };
}
