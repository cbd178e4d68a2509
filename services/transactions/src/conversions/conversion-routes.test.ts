import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';
import { purgeQuotes } from './quote-queries.ts';

let service: TestService;
let alice: Caller;
let euros: Opened;
let dollars: Opened;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());
beforeEach(async () => {
  alice = service.caller();
  euros = await service.open(alice, 1_000_00n, 'EUR');
  dollars = await service.open(alice, 0n, 'USD');
});

interface Quote {
  id: string;
  sellAmount: string;
  buyAmount: string;
  expiresAt: string;
}

const wish = { sell: 'EUR', buy: 'USD', amount: '100.00', side: 'sell' };

async function quote(changes: object = {}, by = alice): Promise<Quote> {
  const answer = await service.call(by, 'POST /v1/fx/quotes', { ...wish, ...changes });
  expect(answer.status).toBe(201);
  return answer.json<Quote>();
}

function convert(body: object, { key = newUuid(), by = alice } = {}) {
  const whole = { from: euros.id, to: dollars.id, ...body };
  return service.call(by, 'POST /v1/conversions', whole, { 'idempotency-key': key });
}

describe('POST /v1/fx/quotes', () => {
  test('› 201 a price for 30 seconds, by the amount to sell or the amount to buy', async () => {
    const before = Date.now();
    const sold = await quote();
    expect(sold).toEqual({
      id: expect.stringMatching(/^fxq_/),
      sell: 'EUR',
      buy: 'USD',
      side: 'sell',
      sellAmount: '100.00',
      buyAmount: '107.96',
      rate: '1.079575',
      spread: 50,
      expiresAt: expect.any(String),
    });
    const life = Date.parse(sold.expiresAt) - before;
    expect(life).toBeGreaterThanOrEqual(30_000);
    expect(life).toBeLessThan(35_000);
    expect(await quote({ side: 'buy' })).toMatchObject({ sellAmount: '92.63', buyAmount: '100.00' });
  });

  test('› the same quote again for the same key', async () => {
    const headers = { 'idempotency-key': newUuid() };
    const first = await service.call(alice, 'POST /v1/fx/quotes', wish, headers);
    const again = await service.call(alice, 'POST /v1/fx/quotes', wish, headers);
    expect(again.text).toBe(first.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('› 422 amount_too_small where the other amount would be nothing', async () => {
    const answer = await service.call(alice, 'POST /v1/fx/quotes', {
      ...{ sell: 'JPY', buy: 'KWD', side: 'buy', amount: '0.001' },
    });
    expect(answer.json()).toMatchObject({ status: 422, code: 'amount_too_small' });
  });

  test.each([
    ['the same currency twice', { buy: 'EUR' }, '/buy'],
    ['a currency without a rate', { buy: 'HBAR' }, '/buy'],
    ['no currency', { sell: 'XXXX' }, '/sell'],
    ['more decimals than the currency of the side has', { side: 'buy', buy: 'JPY', amount: '1.5' }, '/amount'],
    ['a number for an amount', { amount: 100 }, '/amount'],
    ['another side', { side: 'both' }, '/side'],
  ])('› 400 for %s', async (_, changes, pointer) => {
    const answer = await service.call(alice, 'POST /v1/fx/quotes', { ...wish, ...changes });
    expect(answer.json()).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ pointer }] });
  });
});

describe('POST /v1/conversions', () => {
  test('› 201 both legs posted, summing to 0 in each currency', async () => {
    const { id } = await quote();
    const key = newUuid();
    const answer = await convert({ quote: id }, { key });
    expect(answer.status).toBe(201);
    expect(answer.json()).toMatchObject({
      type: 'conversion',
      status: 'posted',
      amount: '100.00',
      currency: 'EUR',
      from: euros.id,
      to: dollars.id,
      entries: [
        { account: 'conversion', amount: '-107.96' },
        { account: euros.id, amount: '-100.00', balanceAfter: '900.00' },
        { account: 'conversion', amount: '100.00' },
        { account: dollars.id, amount: '107.96', balanceAfter: '107.96' },
      ],
    });
    const read = await service.call(alice, `GET /v1/transactions/${answer.json().id}`);
    expect(read.json()).toEqual(answer.json());
    const { rows } = await sql`
      select currency, sum(amount)::text as total from entries group by currency order by currency`.execute(
      service.ledger.db,
    );
    expect(rows).toEqual([
      { currency: 'EUR', total: '0' },
      { currency: 'USD', total: '0' },
    ]);
    const again = await convert({ quote: id }, { key });
    expect(again.text).toBe(answer.text);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('› a quote is used once, also by many at the same time', async () => {
    const { id } = await quote();
    const answers = await Promise.all(Array.from({ length: 20 }, () => convert({ quote: id })));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array(19).fill(422)]);
    const refusals = answers.filter((answer) => answer.status === 422).map((answer) => answer.json().code);
    expect(new Set(refusals)).toEqual(new Set(['quote_expired']));
    expect((await convert({ quote: id })).json()).toMatchObject({
      code: 'quote_expired',
      detail: expect.stringContaining('used'),
    });
    const balance = await service.call(alice, `GET /v1/accounts/${euros.id}/balance`);
    expect(balance.json()).toMatchObject({ posted: '900.00' });
  });

  test('› one effect and one answer for one key, however often at the same time', async () => {
    const { id } = await quote();
    const key = newUuid();
    const answers = await Promise.all(Array.from({ length: 20 }, () => convert({ quote: id }, { key })));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  });

  test('› 422 quote_expired when its time is over, kept under the key', async () => {
    const { id } = await quote();
    const owner = await expire();
    expect(owner).toBe(1);
    const key = newUuid();
    expect((await convert({ quote: id }, { key })).json()).toMatchObject({ status: 422, code: 'quote_expired' });
    expect((await convert({ quote: id }, { key })).headers['idempotent-replayed']).toBe('true');
  });

  test('› 422 by the rules of money', async () => {
    const { id } = await quote();
    const code = async (body: object) => (await convert({ quote: id, ...body })).json().code;
    expect(await code({ to: euros.id })).toBe('same_account');
    expect(await code({ from: dollars.id, to: euros.id })).toBe('currency_mismatch');
    expect(await code({ quote: (await quote({ amount: '1000.01' })).id })).toBe('insufficient_funds');
    await setStatus(dollars, 'closed');
    expect(await code({})).toBe('account_closed');
    await setStatus(euros, 'frozen');
    expect(await code({})).toBe('account_frozen');
    await setStatus(euros, 'active');
    await setStatus(dollars, 'active');
    // None of these has used it up.
    expect((await convert({ quote: id })).status).toBe(201);
  });

  test('› 404 for another’s quote or account, without burning the key', async () => {
    const mallory = service.caller();
    const theirs = await service.open(mallory, 1_000_00n, 'EUR');
    const { id } = await quote();
    expect((await convert({ quote: id }, { by: mallory })).status).toBe(404);
    const key = newUuid();
    expect((await convert({ quote: id, from: theirs.id }, { key })).status).toBe(404);
    expect((await convert({ quote: id, to: theirs.id })).status).toBe(404);
    expect((await convert({ quote: id, from: euros.id }, { key })).status).toBe(201);
  });

  test('› 400 without a key, 403 without the scope', async () => {
    const body = { quote: (await quote()).id, from: euros.id, to: dollars.id };
    expect((await service.call(alice, 'POST /v1/conversions', body)).json()).toMatchObject({
      code: 'idempotency_key_required',
    });
    const reader = service.caller({ userId: alice.uuid, scopes: ['transactions:read'] });
    expect((await convert(body, { by: reader })).status).toBe(403);
  });
});

describe('old quotes', () => {
  test('are forgotten unless they were used; the service’s role may not change one', async () => {
    const [used, unused] = [await quote(), await quote()];
    await convert({ quote: used.id });
    await expire('8 days');
    await purgeQuotes(service.ledger.db);
    const key = newUuid();
    expect((await convert({ quote: unused.id }, { key })).status).toBe(404);
    expect((await convert({ quote: used.id })).json()).toMatchObject({ code: 'quote_expired' });
    for (const statement of ['update fx_quotes set rate = rate', 'delete from fx_quote_uses']) {
      await expect(sql.raw(statement).execute(service.ledger.db)).rejects.toMatchObject({ code: '42501' });
    }
  });
});

async function setStatus({ uuid }: Opened, status: 'active' | 'frozen' | 'closed'): Promise<void> {
  await service.ledger.db.updateTable('ledger_accounts').set({ status }).where('id', '=', uuid).execute();
}

/** Lets this customer's quotes have expired `ago`; returns how many there are. */
async function expire(ago = '1 second'): Promise<number> {
  const client = new pg.Client({ connectionString: service.ledger.database.ownerUrl });
  await client.connect();
  const { rowCount } = await client.query(
    `update transactions.fx_quotes set expires_at = now() - interval '${ago}' where owner_id = '${alice.uuid}'`,
  );
  await client.end();
  return rowCount ?? 0;
}
