import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let shop: Caller;
let operator: Caller;
let account: Opened;
let till: Opened;
let original: string;
beforeAll(async () => {
  service = await startTestService();
  [alice, shop, operator] = [service.caller(), service.caller(), service.caller({ roles: ['operator'] })];
});
beforeEach(async () => {
  [account, till] = [await service.open(alice, 10_000n), await service.open(shop)];
  original = await pay('60.00');
});
afterAll(() => service.close());

const keyed = (by: Caller, request: string, body?: unknown, key = newUuid()): Promise<Answer> =>
  service.call(by, request, body, { 'idempotency-key': key });
const reverse = (by: Caller, body?: unknown, id = original) => keyed(by, `POST /v1/transactions/${id}/reverse`, body);
const pay = async (amount: string) => {
  const wish = { from: account.id, to: till.id, amount, currency: 'USD' };
  return (await keyed(alice, 'POST /v1/transfers', wish)).json<{ id: string }>().id;
};
const refusal = (answer: Answer) => [answer.status, answer.json().code];
const posted = async (by: Caller, of: Opened) =>
  (await service.call(by, `GET /v1/accounts/${of.id}/balance`)).json<{ posted: string }>().posted;
const setStatus = (of: Opened, status: string) =>
  sql`update ledger_accounts set status = ${status} where id = ${of.uuid}`.execute(service.ledger.db);

describe('POST /v1/transactions/{id}/reverse', () => {
  test('› 201 a reversal of all of it, by the payee’s owner; the original says so', async () => {
    const answer = await reverse(shop, { reason: 'out of stock' });
    expect(answer.status).toBe(201);
    const reversal = answer.json<{ id: string }>();
    expect(reversal).toMatchObject({
      type: 'reversal',
      status: 'posted',
      amount: '60.00',
      from: till.id,
      to: account.id,
      description: 'out of stock',
      reversalOf: original,
      entries: [
        { account: till.id, amount: '-60.00', balanceAfter: '0.00' },
        { account: account.id, amount: '60.00' },
      ],
    });
    expect([await posted(alice, account), await posted(shop, till)]).toEqual(['100.00', '0.00']);
    const shown = await service.call(alice, `GET /v1/transactions/${original}`);
    expect(shown.json()).toMatchObject({ id: original, reversedBy: reversal.id });
    const { rows } = await sql<{ event: { data: { transaction: unknown } } }>`
      select event from outbox where event ->> 'subject' = ${reversal.id}`.execute(service.ledger.db);
    expect(rows[0]?.event.data.transaction).toMatchObject({ type: 'reversal', reversalOf: original });
  });

  test('› parts add up to the original at most; 422 already_reversed says how much is left', async () => {
    expect((await reverse(shop, { amount: '50.00' })).json()).toMatchObject({ amount: '50.00' });
    const more = await reverse(shop, { amount: '10.01' });
    expect(refusal(more)).toEqual([422, 'already_reversed']);
    expect(more.json().detail).toContain('10.00 USD');
    expect((await reverse(operator)).json()).toMatchObject({ amount: '10.00' });
    expect(refusal(await reverse(shop))).toEqual([422, 'already_reversed']);
    expect(await posted(shop, till)).toBe('0.00');
  });

  test('› the same key gives the same bytes and one reversal', async () => {
    const key = newUuid();
    const again = () => keyed(shop, `POST /v1/transactions/${original}/reverse`, { amount: '5.00' }, key);
    const [first, second] = [await again(), await again()];
    expect([second.status, second.text, second.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
    expect(await posted(shop, till)).toBe('55.00');
  });

  test('› 422 insufficient_funds when the payee has spent it', async () => {
    const other = await service.open(shop);
    await keyed(shop, 'POST /v1/transfers', { from: till.id, to: other.id, amount: '0.01', currency: 'USD' });
    expect(refusal(await reverse(operator))).toEqual([422, 'insufficient_funds']);
  });

  test('› 422 not_reversible for a reversal', async () => {
    const { id } = (await reverse(shop)).json<{ id: string }>();
    expect(refusal(await reverse(operator, undefined, id))).toEqual([422, 'not_reversible']);
  });

  test('› 422 not_reversible for a payment, pending or posted, also for an operator', async () => {
    const id = newUuid();
    await service.ledger.db
      .insertInto('payments')
      .values({
        ...{ id, type: 'deposit', account_id: till.uuid, owner_id: shop.uuid, amount: 1n, currency: 'USD' },
        ...{ status: 'pending', provider: 'sandbox', source: JSON.stringify({ type: 'card', token: 'tok_ok' }) },
        ...{ metadata: JSON.stringify({}), initiated_by: shop.id, created_at: new Date(), updated_at: new Date() },
      })
      .execute();
    const list = await service.call(shop, `GET /v1/transactions?account=${till.id}&status=pending`);
    const pending = list.json<{ data: { id: string }[] }>().data[0]?.id;
    expect(refusal(await reverse(operator, undefined, pending))).toEqual([422, 'not_reversible']);
    expect(refusal(await reverse(alice, undefined, pending))).toEqual([404, 'not_found']);
  });

  test('› 403 for the payer, 404 for a stranger as for none, 400 for a bad amount or no key', async () => {
    expect(refusal(await reverse(alice))).toEqual([403, 'forbidden']);
    const [strange, none] = [
      await reverse(service.caller()),
      await reverse(shop, undefined, 'txn_01h455vb4pex5vsknk084sn02q'),
    ];
    expect([strange.status, none.status]).toEqual([404, 404]);
    expect(strange.json().detail).toBe(none.json().detail);
    expect(refusal(await reverse(shop, { amount: '1.001' }))).toEqual([400, 'validation_failed']);
    const path = `POST /v1/transactions/${original}/reverse`;
    expect(refusal(await service.call(shop, path))).toEqual([400, 'idempotency_key_required']);
  });

  test('› 422 account_frozen while the payee’s account is frozen, account_closed when the payer’s is closed', async () => {
    await setStatus(till, 'frozen');
    expect(refusal(await reverse(shop, { amount: '1.00' }))).toEqual([422, 'account_frozen']);
    expect(refusal(await reverse(operator, { amount: '1.00' }))).toEqual([422, 'account_frozen']);
    await setStatus(till, 'active');
    await setStatus(account, 'closed');
    expect(refusal(await reverse(operator))).toEqual([422, 'account_closed']);
  });

  test('› raced parts never exceed the original', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => reverse(shop, { amount: '7.00' })));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(8);
    expect(answers.filter((answer) => answer.json().code === 'already_reversed')).toHaveLength(22);
    expect([await posted(alice, account), await posted(shop, till)]).toEqual(['96.00', '4.00']);
    expect(await brokenInvariants(service.ledger.db)).toEqual([]);
  });
});
