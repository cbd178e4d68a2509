import { inTransaction } from '@florin/database';
import { parseAmount } from '@florin/money';
import { formatId, newUuid, parseId } from '@florin/service';
import { insertPayment } from '../payments/payment-queries.ts';
import type { Answer, Request } from './messages.ts';
import type { KnownQuote, Names } from './names.ts';
import { isPaidOut } from './policy.ts';
import type { RealBank } from './real-bank.ts';
import { type Asked, RequestWriter } from './request-writer.ts';
import type { Known } from './steps.ts';
import { type Expected, type Of, otherCurrency, type TransferWish, type Wish } from './wish.ts';

/** A command that was sent, and what came of it. */
export interface Sent {
  readonly wish: Asked;
  readonly key: string;
  readonly request: Request;
  /** The answer that its key has from now on. */
  kept?: Answer;
}

/** Brings wishes to the real bank on behalf of two customers of its own and an operator, and writes down what it hears. */
export class Teller implements Known, Names {
  readonly accounts: Names['accounts'] = [];
  readonly holds: Names['holds'] = [];
  readonly transactions: Names['transactions'] = [];
  readonly waiting: Names['waiting'] = [];
  readonly withdrawals: Names['withdrawals'] = [];
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
    if (wish.kind === 'report') return await this.#report(wish, replica);
    if (wish.kind === 'expire') await this.#bank.expire(replica);
    if (wish.kind === 'wait') this.#bank.now = new Date(this.#bank.now.getTime() + wish.seconds * 1000);
    if (wish.kind === 'expire' || wish.kind === 'wait') return { status: 200 };
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
    if (!('by' in wish)) throw new Error('It has no key');
    const other = { from: formatId('acc', newUuid()), to: formatId('acc', newUuid()), amount: '1.00', currency: 'USD' };
    return heard(
      await this.#bank.send(replica, { ...request, method: 'POST', url: '/v1/transfers', key, body: other }),
    );
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

  async #deposit({ account, amount }: Of<'deposit'>, replica: number): Promise<Expected> {
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
    const reference = formatId('txn', id);
    const answer = await this.#bank.report(replica, { reference, amount, currency, succeeded: true });
    this.transactions.push({ id: reference, isTransfer: false, to: account });
    this.#bank.acknowledged.push({ id, request: id, amount });
    return heard(answer);
  }

  async #report({ withdrawal: place }: Of<'report'>, replica: number): Promise<Expected> {
    const withdrawal = this.withdrawals[place];
    if (!withdrawal) return { status: 200 };
    const { id, amount, currency } = withdrawal;
    const succeeded = isPaidOut(amount);
    const answer = await this.#bank.report(replica, { reference: id, amount, currency, succeeded });
    if (succeeded) this.#bank.acknowledged.push({ id: parseId('txn', id) ?? '', request: id, amount });
    if (succeeded && !withdrawal.reported) this.transactions.push({ id, isTransfer: false, to: undefined });
    withdrawal.reported = true;
    return heard(answer);
  }

  #opened({ owner, currency }: Of<'open'>, url: string): void {
    const id = url.slice(url.lastIndexOf('/') + 1);
    this.accounts.push({ owner, currency, id, version: 1 });
  }

  #learn(wish: Asked, body: Answered): void {
    const { id } = body;
    if (wish.kind === 'hold') this.holds.push({ id, account: wish.account, to: wish.to, isOwn: true });
    if (wish.kind === 'transfer') this.#learnTransfer(wish, body);
    if (wish.kind === 'capture') this.#post(id, true, wish.to ?? this.holds[wish.hold]?.to);
    if (wish.kind === 'batch')
      for (const [place, one] of inBatch(body)) this.#learnTransfer(wish.transfers[place] ?? fail(), one);
    if (wish.kind === 'convert') this.#post(id, false, wish.to);
    if (wish.kind === 'approve') this.#post(id, true, this.waiting[wish.waiting]?.to);
    if (wish.kind === 'reverse')
      this.#post(
        id,
        false,
        this.accounts.findIndex((account) => account.id === body.to),
      );
    if (wish.kind === 'quote') this.quotes.push(quoteIn(wish, body));
    if (wish.kind === 'withdraw') {
      this.#learnHold(body, wish.account);
      this.withdrawals.push({ id, amount: wish.amount, currency: wish.currency, reported: false });
    }
  }

  #learnTransfer({ from, to }: TransferWish, body: Answered): void {
    if (body.status === 'posted') {
      this.#post(body.id, true, to);
    } else {
      this.#learnHold(body, from);
      this.waiting.push({ id: body.id, from, to });
    }
  }

  #learnHold({ holdId }: Answered, account: number): void {
    this.holds.push({ id: String(holdId), account, to: undefined, isOwn: false });
  }

  /** Once, however often it is heard of. */
  #post(id: string, isTransfer: boolean, to: number | undefined): void {
    if (this.transactions.every((known) => known.id !== id)) this.transactions.push({ id, isTransfer, to });
  }

  #acknowledge({ wish, key }: Sent, body: Answered): void {
    const acknowledge = (one: Answered, wanted: bigint | undefined, request: string) => {
      if (one.status !== 'posted') return;
      const amount = wanted ?? parseAmount(String(one.amount), String(one.currency));
      this.#bank.acknowledged.push({ id: parseId('txn', one.id) ?? '', request, amount });
    };
    if (wish.kind === 'batch') {
      for (const [place, one] of inBatch(body)) acknowledge(one, wish.transfers[place]?.amount, `${key} ${place}`);
    } else if (wish.kind === 'convert') acknowledge(body, this.quotes[wish.quote]?.sellAmount, key);
    // Whoever approves it: it is one request.
    else if (wish.kind === 'approve') acknowledge(body, undefined, body.id);
    else if (wish.kind === 'transfer' || wish.kind === 'capture' || wish.kind === 'reverse') {
      acknowledge(body, wish.amount, key);
    }
  }
}

interface Answered extends Record<string, unknown> {
  readonly id: string;
}

/** An answer as far as the model speaks of it. */
export function heard({ status, text }: Answer): Expected {
  const body: { code?: string; results?: { problem?: { code: string }; transaction?: { status: string } }[] } =
    JSON.parse(text);
  if (status >= 400) return { status, code: String(body.code) };
  if (!body.results) return { status };
  return {
    status,
    results: body.results.map(({ problem, transaction }) => problem?.code ?? transaction?.status ?? ''),
  };
}

function inBatch(body: Answered): [number, Answered][] {
  const results = body.results as { transaction?: Answered }[];
  return results.flatMap(({ transaction }, place) => (transaction ? [[place, transaction]] : []));
}

function quoteIn({ by, sell }: Of<'quote'>, body: Answered): KnownQuote {
  const sellAmount = parseAmount(String(body.sellAmount), sell);
  return {
    id: body.id,
    by,
    sell,
    sellAmount,
    buyAmount: parseAmount(String(body.buyAmount), otherCurrency(sell)),
  };
}

function fail(): never {
  throw new Error('There is no such account');
}
