import { inTransaction } from '@florin/database';
import { parseAmount } from '@florin/money';
import { formatId, newUuid, parseId } from '@florin/service';
import { insertPayment } from '../payments/payment-queries.ts';
import type { KnownQuote, Names } from './names.ts';
import type { Answer, RealBank, Request } from './real-bank.ts';
import { RequestWriter } from './request-writer.ts';
import type { Known } from './steps.ts';
import { type Expected, otherCurrency, type Wish } from './wish.ts';

type Quote = Extract<Wish, { kind: 'quote' }>;

/** A command that was sent, and what came of it. */
export interface Sent {
  readonly wish: Wish;
  readonly key: string;
  /** Undefined for a settlement, which does not come by HTTP. */
  readonly request: Request | undefined;
  /** The answer that its key has from now on. */
  kept?: Answer;
}

/** Brings wishes to the real bank on behalf of two customers of its own and an operator, and writes down what it hears. */
export class Teller implements Known, Names {
  readonly accounts: Names['accounts'] = [];
  readonly holds: Names['holds'] = [];
  readonly transactions: Names['transactions'] = [];
  readonly quotes: Names['quotes'] = [];
  /** All commands that carry a key. */
  readonly sent: Sent[] = [];
  /** Answers that one key must not have given. */
  readonly contradictions: unknown[] = [];
  readonly #bank: RealBank;
  readonly #writer: RequestWriter;

  constructor(bank: RealBank) {
    this.#bank = bank;
    this.#writer = new RequestWriter(this, bank.issuer);
  }

  /** Sends a wish under a key of its own. */
  async do(wish: Wish, replica: number): Promise<Expected> {
    if (wish.kind === 'deposit') return await this.#deposit(wish, replica);
    const key = newUuid();
    const request = { ...this.#writer.write(wish), key };
    if (request.method === 'PUT') {
      const answer = await this.#bank.send(replica, request);
      if (wish.kind === 'open' && answer.status === 200) this.#opened(wish, request.url);
      return heard(answer);
    }
    const sent: Sent = { wish, key, request };
    this.sent.push(sent);
    return heard(await this.retry(sent, replica));
  }

  /** Sends it as it was, once more or for the first time. */
  async retry(sent: Sent, replica: number): Promise<Answer> {
    if (!sent.request) throw new Error('It was not sent by HTTP');
    const keptBefore = sent.kept;
    const answer = await this.#bank.send(replica, sent.request);
    const isKept = answer.status < 300 || answer.status === 422;
    const expected = keptBefore ?? (isKept ? sent.kept : undefined);
    if (expected && (expected.status !== answer.status || expected.text !== answer.text)) {
      this.contradictions.push({ sent, answer });
    }
    if (isKept && !sent.kept) {
      sent.kept = answer;
      if (answer.status < 300) this.#learn(sent.wish, JSON.parse(answer.text));
    }
    if (answer.status < 300) this.#acknowledge(sent, JSON.parse(answer.text));
    return answer;
  }

  /** Sends another body under the same key, which has an answer already. */
  async misuse({ wish, request, key }: Sent, replica: number): Promise<Expected> {
    if (!request || !('by' in wish)) throw new Error('It has no key');
    const other = { from: formatId('acc', newUuid()), to: formatId('acc', newUuid()), amount: '1.00', currency: 'USD' };
    const { token } = request;
    return heard(await this.#bank.send(replica, { method: 'POST', url: '/v1/transfers', token, key, body: other }));
  }

  /** Of all its accounts, minor units. */
  async balances(): Promise<{ posted: bigint; held: bigint }[]> {
    const ids = this.accounts.map(({ id }) => parseId('acc', id) ?? '');
    const rows = await this.#bank.ledger.db
      .selectFrom('ledger_accounts')
      .select(['id', 'posted', 'held'])
      .where('id', 'in', ids)
      .execute();
    const byId = new Map(rows.map(({ id, posted, held }) => [id, { posted, held }]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  async #deposit({ account, amount }: Extract<Wish, { kind: 'deposit' }>, replica: number): Promise<Expected> {
    const { id: accountId, owner, currency } = this.accounts[account] ?? fail();
    const id = newUuid();
    const payment = {
      id,
      type: 'deposit' as const,
      accountId: parseId('acc', accountId) ?? '',
      ownerId: this.#writer.customers[owner] ?? '',
      amount,
      currency,
      provider: 'sandbox',
      source: { type: 'card', token: 'tok_ok' },
      description: null,
      metadata: {},
      initiatedBy: 'service:test',
      traceId: null,
    };
    await inTransaction(this.#bank.ledger.db, (tx) => insertPayment(tx, payment));
    await this.#bank.settle(replica, { reference: formatId('txn', id), amount, currency });
    this.transactions.push({ id: formatId('txn', id), isTransfer: false, to: account });
    this.#bank.acknowledged.push({ id, request: id, amount });
    return { status: 200 };
  }

  #opened({ owner, currency }: Extract<Wish, { kind: 'open' }>, url: string): void {
    const id = url.slice(url.lastIndexOf('/') + 1);
    this.accounts.push({ owner, currency, id, version: 1 });
  }

  #learn(wish: Wish, body: Record<string, unknown>): void {
    const id = String(body.id);
    const post = (txn: string, isTransfer: boolean, to: number | undefined) =>
      this.transactions.push({ id: txn, isTransfer, to });
    if (wish.kind === 'hold') this.holds.push({ id, account: wish.account, to: wish.to });
    if (wish.kind === 'transfer') post(id, true, wish.to);
    if (wish.kind === 'capture') post(id, true, wish.to ?? this.holds[wish.hold]?.to);
    if (wish.kind === 'batch') for (const [place, one] of postedIn(body)) post(one.id, true, wish.transfers[place]?.to);
    if (wish.kind === 'convert') post(id, false, wish.to);
    if (wish.kind === 'reverse') {
      const payer = this.accounts.findIndex((account) => account.id === body.to);
      post(id, false, payer);
    }
    if (wish.kind === 'quote') this.quotes.push(quoteIn(wish, body));
  }

  #acknowledge({ wish, key }: Sent, body: Record<string, unknown>): void {
    const acknowledge = (one: Record<string, unknown>, wanted: bigint | undefined, request: string) => {
      const amount = wanted ?? parseAmount(String(one.amount), String(one.currency));
      this.#bank.acknowledged.push({ id: parseId('txn', String(one.id)) ?? '', request, amount });
    };
    if (wish.kind === 'batch') {
      for (const [place, one] of postedIn(body)) acknowledge(one, wish.transfers[place]?.amount, `${key} ${place}`);
    } else if (wish.kind === 'convert') acknowledge(body, this.quotes[wish.quote]?.sellAmount, key);
    else if (wish.kind === 'transfer' || wish.kind === 'capture' || wish.kind === 'reverse') {
      acknowledge(body, wish.amount, key);
    }
  }
}

/** An answer as far as the model speaks of it. */
export function heard({ status, text }: Answer): Expected {
  const body: { code?: string; results?: { problem?: { code: string } }[] } = JSON.parse(text);
  if (status >= 400) return { status, code: String(body.code) };
  if (!body.results) return { status };
  return { status, results: body.results.map(({ problem }) => problem?.code ?? 'posted') };
}

function postedIn(body: Record<string, unknown>): [number, { id: string }][] {
  const results = body.results as { transaction?: { id: string } }[];
  return results.flatMap(({ transaction }, place) => (transaction ? [[place, transaction]] : []));
}

function quoteIn({ by, sell }: Quote, body: Record<string, unknown>): KnownQuote {
  const sellAmount = parseAmount(String(body.sellAmount), sell);
  return {
    id: String(body.id),
    by,
    sell,
    sellAmount,
    buyAmount: parseAmount(String(body.buyAmount), otherCurrency(sell)),
  };
}

function fail(): never {
  throw new Error('There is no such account');
}
