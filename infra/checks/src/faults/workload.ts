import { setTimeout as sleep } from 'node:timers/promises';
import type { BankAccount, Customer } from './bank.ts';
import {
  batchCall,
  captureCall,
  depositCall,
  holdCall,
  idIn,
  isOk,
  type Order,
  refundCall,
  transferCall,
  voidCall,
} from './calls.ts';
import type { Random } from './random.ts';
import type { Teller } from './teller.ts';

/** What a client of the workload works with. */
export interface Client {
  readonly teller: Teller;
  readonly random: Random;
  /** Accounts of one currency; the first few are hot. */
  readonly accounts: readonly BankAccount[];
  /** Accounts of another currency, into which deposits are paid while the others are watched. */
  readonly depositAccounts: readonly BankAccount[];
  /** Transfers in a batch, at most. */
  readonly batchSize: number;
  /** A key that no other call has. */
  newKey(): string;
  /** The target that a call is first sent to. */
  first(): number;
}

/** One thing that a client does, over and over. */
export type Flow = (client: Client) => Promise<void>;

const hotAccounts = 3;
const hotShare = 0.4;
/** More than anybody has: 422 insufficient_funds. */
const tooMuch = 99_999_999_999;

/** Transfers one by one; now and then of too much, and now and then the same call from two clients at once. */
export const transfers: Flow = async (client) => {
  const { teller, random } = client;
  const call = transferCall(client.newKey(), anOrder(client, random.chance(0.03)));
  if (random.chance(0.05)) await teller.settleTwice(call, client.first());
  else await teller.settle(call, client.first());
  await sleep(random.between(5, 25));
};

/** Batches; one transfer of too much refuses an atomic one as a whole and is refused alone in an independent one. */
export const batches: Flow = async (client) => {
  const { teller, random, batchSize } = client;
  const by = random.pick(client.accounts).owner;
  const mode = random.chance(0.3) ? 'atomic' : 'independent';
  const orders = Array.from({ length: random.between(Math.ceil(batchSize / 2), batchSize) }, () =>
    orderOf(client, by, mode === 'independent' && random.chance(0.005)),
  );
  if (mode === 'atomic' && random.chance(0.1))
    orders.splice(random.between(0, orders.length - 1), 1, orderOf(client, by, true));
  await teller.settle(batchCall(client.newKey(), by, mode, orders), client.first());
};

/** A hold that ends with a capture or a void, or with whichever of the two wins. */
export const holds: Flow = async (client) => {
  const { teller, random } = client;
  const order = { ...anOrder(client), amount: random.between(2, 500) };
  const placed = await teller.settle(holdCall(client.newKey(), order), client.first());
  if (!isOk(placed)) return;
  const part = { ...order, amount: random.between(1, order.amount) };
  const capture = () => teller.settle(captureCall(client.newKey(), idIn(placed), part), client.first());
  const release = () => teller.settle(voidCall(client.newKey(), idIn(placed), order), client.first());
  const way = random.between(1, 10);
  if (way <= 5) await capture();
  else if (way <= 8) await release();
  else await Promise.all([capture(), release()]);
  await sleep(random.between(5, 25));
};

/** A transfer that is taken back by its payee: in parts, and more often than there is money to give back. */
export const refunds: Flow = async (client) => {
  const { teller, random } = client;
  const order = { ...anOrder(client), amount: random.between(2, 500) };
  const sent = await teller.settle(transferCall(client.newKey(), order), client.first());
  if (!isOk(sent)) return;
  const amount = Math.ceil(order.amount / 2);
  const refund = () => teller.settle(refundCall(client.newKey(), idIn(sent), { ...order, amount }), client.first());
  await Promise.all(Array.from({ length: random.between(1, 3) }, refund));
  await sleep(random.between(5, 25));
};

/** A deposit, which the provider's webhook posts some time later. */
export const deposits: Flow = async (client) => {
  const { teller, random } = client;
  const call = depositCall(client.newKey(), random.pick(client.depositAccounts), random.between(1, 1000));
  await teller.settle(call, client.first());
  await sleep(random.between(50, 150));
};

function anOrder(client: Client, ofTooMuch = false): Order {
  return orderOf(client, accountOf(client).owner, ofTooMuch);
}

function orderOf(client: Client, by: Customer, ofTooMuch: boolean): Order {
  const { random } = client;
  const { currency } = random.pick(client.accounts);
  const from = random.pick(by.accounts.filter((account) => account.currency === currency));
  let to = accountOf(client);
  while (to === from) to = random.pick(client.accounts);
  return { from, to, amount: ofTooMuch ? tooMuch : random.between(1, 500) };
}

function accountOf({ random, accounts }: Client): BankAccount {
  return random.pick(random.chance(hotShare) ? accounts.slice(0, hotAccounts) : accounts);
}
