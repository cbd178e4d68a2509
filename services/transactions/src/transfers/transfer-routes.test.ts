import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let bob: Caller;
let from: Opened;
let to: Opened;
beforeAll(async () => {
  service = await startTestService();
  [alice, bob] = [service.caller(), service.caller()];
  [from, to] = [await service.open(alice, 1_000_000n), await service.open(bob)];
});
afterAll(() => service.close());

const wish = (changes: Record<string, unknown> = {}) => ({
  from: from.id,
  to: to.id,
  amount: '12.50',
  currency: 'USD',
  ...changes,
});

const transfer = (body: unknown, key: string | undefined = newUuid(), by: Caller = alice): Promise<Answer> =>
  service.call(by, 'POST /v1/transfers', body, key === undefined ? {} : { 'idempotency-key': key });

describe('POST /v1/transfers', () => {
  test('› 201 with the posted transaction, which can be read at once by both sides', async () => {
    const answer = await transfer(wish({ description: 'rent', metadata: { reference: 'R-1' } }));
    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    const transaction = answer.json();
    expect(transaction).toMatchObject({ status: 'posted', amount: '12.50', from: from.id, to: to.id });
    const mine = await service.call(alice, `GET /v1/transactions/${transaction.id}`);
    expect(mine.json()).toEqual(transaction);
    const theirs = await service.call(bob, `GET /v1/transactions/${transaction.id}`);
    expect(theirs.json<{ entries: unknown[] }>().entries).toEqual([
      { account: from.id, amount: '-12.50' },
      { account: to.id, amount: '12.50', balanceAfter: expect.any(String), version: expect.any(Number) },
    ]);
  });

  test('› takes an account number for `to`', async () => {
    const answer = await transfer(wish({ to: to.accountNumber }));
    expect(answer.json()).toMatchObject({ status: 'posted', to: to.id });
  });

  test('› the same key and body gives the same bytes again', async () => {
    const key = newUuid();
    const first = await transfer(wish(), key);
    const again = await transfer({ ...wish(), amount: '12.50' }, key);
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  test('› a refusal is kept under its key byte for byte too', async () => {
    const key = newUuid();
    const first = await transfer(wish({ amount: '99999999.00' }), key);
    const again = await transfer(wish({ amount: '99999999.00' }), key);
    expect(first.status).toBe(422);
    expect(first.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([422, first.text, 'true']);
  });

  test('› 422 idempotency_key_reused for another body', async () => {
    const key = newUuid();
    await transfer(wish(), key);
    const other = await transfer(wish({ amount: '1.00' }), key);
    expect([other.status, other.json().code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('› keys are scoped to the caller', async () => {
    const key = newUuid();
    const [mine, theirs] = [await service.open(alice, 100n), await service.open(bob, 100n)];
    const first = await transfer(wish({ from: mine.id, amount: '1.00' }), key);
    const second = await transfer(wish({ from: theirs.id, to: from.id, amount: '1.00' }), key, bob);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.json().id).not.toBe(first.json().id);
  });

  test('› 400 idempotency_key_required without a key', async () => {
    const answer = await service.call(alice, 'POST /v1/transfers', wish());
    expect([answer.status, answer.json().code]).toEqual([400, 'idempotency_key_required']);
  });

  test.each<[string, Record<string, unknown>]>([
    ['amount of zero', { amount: '0.00' }],
    ['amount as a number', { amount: 12.5 }],
    ['amount with a sign', { amount: '-1.00' }],
    ['amount with an exponent', { amount: '1e2' }],
    ['amount with more decimals than the currency has', { amount: '1.001' }],
    ['amount of 16 digits', { amount: '1000000000000000' }],
    ['unknown currency', { currency: 'XYZ' }],
    ['id of another kind', { from: 'usr_01h455vb4pex5vsknk084sn02q' }],
    ['account number with blanks', { to: 'DE89 3704 0044 0532 0130 00' }],
    ['unknown field', { note: 'x' }],
    ['description of 141 characters', { description: 'x'.repeat(141) }],
    ['metadata that is nested', { metadata: { a: { b: 'c' } } }],
    ['metadata of 21 texts', { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, 'v'])) }],
    ['metadata text of 501 characters', { metadata: { a: 'x'.repeat(501) } }],
  ])('› 400 validation_failed for %s', async (_, changes) => {
    const answer = await transfer(wish(changes));
    expect([answer.status, answer.json().code]).toEqual([400, 'validation_failed']);
  });

  test('› an unknown query parameter such as dry_run is refused, not ignored', async () => {
    const answer = await service.call(alice, 'POST /v1/transfers?dry_run=true', wish(), {
      'idempotency-key': newUuid(),
    });
    expect(answer.status).toBe(400);
  });

  test("› 404 for another customer's account, with the same body as for none", async () => {
    const strangers = await transfer(wish({ from: to.id, to: from.id }));
    const none = await transfer(wish({ from: 'acc_01h455vb4pex5vsknk084sn02q' }));
    const comparable = (answer: Answer) => ({ ...answer.json(), traceId: '' });
    expect(strangers.status).toBe(404);
    expect(comparable(strangers)).toEqual(comparable(none));
  });

  test('› 403 insufficient_scope for a token that may only read', async () => {
    const reader = service.caller({ userId: alice.uuid, scopes: ['transactions:read'] });
    const answer = await transfer(wish(), newUuid(), reader);
    expect([answer.status, answer.json().code]).toEqual([403, 'insufficient_scope']);
  });

  test('› 100 parallel requests with one key: one effect', async () => {
    const target = await service.open(bob);
    const key = newUuid();
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => transfer(wish({ to: target.id, amount: '1.00' }), key)),
    );
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
    const { rows } = await sql<{ n: bigint }>`
      select count(*) as n from entries where account_id = ${target.uuid}`.execute(service.ledger.db);
    expect(rows[0]?.n).toBe(1n);
  });

  test('› currencies of other scales keep their full scale', async () => {
    const [yen, lumens] = [await service.open(alice, 500n, 'JPY'), await service.open(alice, 10_000_000n, 'XLM')];
    const [yenTo, lumensTo] = [await service.open(bob, 0n, 'JPY'), await service.open(bob, 0n, 'XLM')];
    const first = await transfer(wish({ from: yen.id, to: yenTo.id, amount: '500', currency: 'JPY' }));
    const second = await transfer(wish({ from: lumens.id, to: lumensTo.id, amount: '0.0000001', currency: 'XLM' }));
    expect([first.json().amount, second.json().amount]).toEqual(['500', '0.0000001']);
  });
});
