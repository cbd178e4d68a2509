import { holdCaptured, holdCreated, transactionPosted } from '@florin/contracts';
import { newUuid, parseId } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let shop: Caller;
let operator: Caller;
let account: Opened;
let till: Opened;
beforeAll(async () => {
  service = await startTestService();
  [alice, shop, operator] = [service.caller(), service.caller(), service.caller({ roles: ['operator'] })];
});
beforeEach(async () => {
  [account, till] = [await service.open(alice, 10_000n), await service.open(shop)];
});
afterEach(async () => expect(heldIsWrong(await brokenInvariants(service.ledger.db))).toEqual([]));
afterAll(() => service.close());

const heldIsWrong = (rows: unknown[]) => rows.filter((row) => JSON.stringify(row).includes('held'));
const keyed = (by: Caller, request: string, body?: unknown, key = newUuid()): Promise<Answer> =>
  service.call(by, request, body, { 'idempotency-key': key });
const wish = (changes: Record<string, unknown> = {}) => ({
  account: account.id,
  to: till.id,
  amount: '60.00',
  currency: 'USD',
  ...changes,
});
const place = async (changes: Record<string, unknown> = {}) =>
  (await keyed(alice, 'POST /v1/holds', wish(changes))).json<{ id: string; status: string }>();
const balance = async (by: Caller, of: Opened) =>
  (await service.call(by, `GET /v1/accounts/${of.id}/balance`)).json<Record<string, string>>();
const refusal = (answer: Answer) => [answer.status, answer.json().code];

async function eventsAbout(id: unknown): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<{ event: { type: string; data: Record<string, unknown> } }>`
    select event from outbox where event::text like ${`%${id}%`} order by position`.execute(service.ledger.db);
  return rows.map((row) => ({ type: row.event.type, ...row.event.data }));
}

describe('POST /v1/holds', () => {
  test('› 201: available drops at once, posted does not', async () => {
    const before = Date.now();
    const answer = await keyed(alice, 'POST /v1/holds', wish({ description: 'room 12' }));
    expect(answer.status).toBe(201);
    const hold = answer.json<{ id: string; expiresAt: string }>();
    expect(hold).toEqual({
      id: expect.stringMatching(/^hld_/),
      status: 'active',
      purpose: 'authorization',
      account: account.id,
      to: till.id,
      amount: '60.00',
      currency: 'USD',
      captured: '0.00',
      description: 'room 12',
      expiresAt: expect.any(String),
      createdAt: expect.any(String),
    });
    expect(Math.round((Date.parse(hold.expiresAt) - before) / 86_400_000)).toBe(7);
    expect(await balance(alice, account)).toMatchObject({ posted: '100.00', held: '60.00', available: '40.00' });
    const [event] = await eventsAbout(hold.id);
    expect(holdCreated.parse(event)).toMatchObject({ heldAfter: '60.00', heldVersion: 1, availableAfter: '40.00' });
  });

  test('› what is held cannot be spent, nor held again', async () => {
    await place();
    const transfer = { from: account.id, to: till.id, amount: '40.01', currency: 'USD' };
    expect(refusal(await keyed(alice, 'POST /v1/transfers', transfer))).toEqual([422, 'insufficient_funds']);
    expect(refusal(await keyed(alice, 'POST /v1/holds', wish({ amount: '40.01' })))).toEqual([
      422,
      'insufficient_funds',
    ]);
    expect((await keyed(alice, 'POST /v1/transfers', { ...transfer, amount: '40.00' })).status).toBe(201);
  });

  test('› the same key gives the same bytes and one hold', async () => {
    const key = newUuid();
    const [first, again] = [
      await keyed(alice, 'POST /v1/holds', wish(), key),
      await keyed(alice, 'POST /v1/holds', wish(), key),
    ];
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, first.text, 'true']);
    expect(await balance(alice, account)).toMatchObject({ held: '60.00' });
  });

  test.each<[number, string, () => Record<string, unknown>]>([
    [422, 'same_account', () => ({ to: account.id })],
    [422, 'account_not_found', () => ({ to: 'acc_01h455vb4pex5vsknk084sn02q' })],
    [422, 'currency_mismatch', () => ({ currency: 'EUR' })],
    [422, 'insufficient_funds', () => ({ amount: '100.01' })],
    [422, 'insufficient_funds', () => ({ amount: '999999999999999.99' })],
    [404, 'not_found', () => ({ account: till.id, to: account.id })],
    [400, 'validation_failed', () => ({ expiresIn: 0 })],
    [400, 'validation_failed', () => ({ expiresIn: 2_592_001 })],
    [400, 'validation_failed', () => ({ amount: 60 })],
  ])('› %i %s', async (status, code, changes) => {
    expect(refusal(await keyed(alice, 'POST /v1/holds', wish(changes())))).toEqual([status, code]);
  });

  test('› 400 idempotency_key_required, 403 without the scope', async () => {
    expect(refusal(await service.call(alice, 'POST /v1/holds', wish()))).toEqual([400, 'idempotency_key_required']);
    const reader = service.caller({ userId: alice.uuid, scopes: ['transactions:read'] });
    expect(refusal(await keyed(reader, 'POST /v1/holds', wish()))).toEqual([403, 'insufficient_scope']);
  });
});

describe('POST /v1/holds/{id}/capture', () => {
  test('› 200 the transaction, by the owner of `to`; the rest is free again', async () => {
    const hold = await place();
    const answer = await keyed(shop, `POST /v1/holds/${hold.id}/capture`, { amount: '45.00' });
    expect(answer.status).toBe(200);
    const transaction = answer.json<{ id: string }>();
    expect(transaction).toMatchObject({
      type: 'transfer',
      status: 'posted',
      amount: '45.00',
      from: account.id,
      to: till.id,
      holdId: hold.id,
      entries: [
        { account: account.id, amount: '-45.00' },
        { account: till.id, amount: '45.00', balanceAfter: '45.00', version: 1 },
      ],
    });
    expect(await balance(alice, account)).toMatchObject({ posted: '55.00', held: '0.00', available: '55.00' });
    const shown = await service.call(alice, `GET /v1/holds/${hold.id}`);
    expect(shown.json()).toMatchObject({ status: 'captured', captured: '45.00' });
    const posted = (await eventsAbout(transaction.id)).find((event) => event.type === transactionPosted.type);
    const side = { account: account.id, balanceAfter: '55.00', heldAfter: '0.00', heldVersion: 2 };
    expect(transactionPosted.parse(posted).entries).toContainEqual(expect.objectContaining(side));
    const captured = (await eventsAbout(hold.id)).find((event) => event.type === holdCaptured.type);
    expect(captured).toMatchObject({ heldAfter: '0.00', heldVersion: 2, availableAfter: '55.00' });
  });

  test('› without a body takes all of it; 422 hold_not_active the second time', async () => {
    const hold = await place();
    expect((await keyed(operator, `POST /v1/holds/${hold.id}/capture`)).json()).toMatchObject({ amount: '60.00' });
    const again = await keyed(shop, `POST /v1/holds/${hold.id}/capture`);
    expect(refusal(again)).toEqual([422, 'hold_not_active']);
    expect(refusal(await keyed(alice, `POST /v1/holds/${hold.id}/void`))).toEqual([422, 'hold_not_active']);
  });

  test('› without any `to`: 400 that points at it; the owner then says where', async () => {
    const hold = await place({ to: undefined });
    const none = await keyed(alice, `POST /v1/holds/${hold.id}/capture`);
    expect(none.status).toBe(400);
    expect(none.json()).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/to' }] });
    const answer = await keyed(alice, `POST /v1/holds/${hold.id}/capture`, { to: till.accountNumber });
    expect(answer.json()).toMatchObject({ to: till.id, amount: '60.00' });
  });

  test('› the owner of `to` cannot send it elsewhere', async () => {
    const [hold, other] = [await place(), await service.open(shop)];
    const answer = await keyed(shop, `POST /v1/holds/${hold.id}/capture`, { to: other.id });
    expect(answer.json()).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/to' }] });
  });

  test('› 422 capture_exceeds_hold, account_not_found, same_account, currency_mismatch', async () => {
    const hold = await place();
    const euros = await service.open(shop, 0n, 'EUR');
    const capture = async (body: unknown) => refusal(await keyed(alice, `POST /v1/holds/${hold.id}/capture`, body));
    expect(await capture({ amount: '60.01' })).toEqual([422, 'capture_exceeds_hold']);
    expect(await capture({ to: 'acc_01h455vb4pex5vsknk084sn02q' })).toEqual([422, 'account_not_found']);
    expect(await capture({ to: account.id })).toEqual([422, 'same_account']);
    expect(await capture({ to: euros.id })).toEqual([422, 'currency_mismatch']);
    expect(await capture({ amount: '0.001' })).toEqual([400, 'validation_failed']);
    expect(await balance(alice, account)).toMatchObject({ posted: '100.00', held: '60.00' });
  });

  test('› 422 account_frozen while the account is frozen; it may still be voided', async () => {
    const hold = await place();
    await sql`update ledger_accounts set status = 'frozen' where id = ${account.uuid}`.execute(service.ledger.db);
    const capture = await keyed(shop, `POST /v1/holds/${hold.id}/capture`);
    expect(refusal(capture)).toEqual([422, 'account_frozen']);
    expect((await keyed(shop, `POST /v1/holds/${hold.id}/void`)).status).toBe(200);
  });

  test('› 404 for who has nothing to do with it, with the same body as for none', async () => {
    const [hold, stranger] = [await place(), service.caller()];
    const calls = ['capture', 'void'].flatMap((verb) =>
      [hold.id, 'hld_01h455vb4pex5vsknk084sn02q'].map((id) => keyed(stranger, `POST /v1/holds/${id}/${verb}`)),
    );
    const reads = [hold.id, 'hld_01h455vb4pex5vsknk084sn02q'].map((id) =>
      service.call(stranger, `GET /v1/holds/${id}`),
    );
    const answers = await Promise.all([...calls, ...reads]);
    const bodies = answers.map((answer) => ({ ...answer.json(), traceId: '', instance: '' }));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(404));
  });
});

describe('POST /v1/holds/{id}/void', () => {
  test('› 200 the hold; its money is free again', async () => {
    const hold = await place();
    const answer = await keyed(alice, `POST /v1/holds/${hold.id}/void`);
    expect([answer.status, answer.json()]).toEqual([200, { ...hold, status: 'voided' }]);
    expect(await balance(alice, account)).toMatchObject({ held: '0.00', available: '100.00' });
  });

  test('› 422 hold_not_active for one that ends with something else', async () => {
    const hold = await place();
    const uuid = parseId('hld', hold.id);
    await sql`update holds set purpose = 'withdrawal' where id = ${uuid}`.execute(service.ledger.db);
    expect(refusal(await keyed(alice, `POST /v1/holds/${hold.id}/void`))).toEqual([422, 'hold_not_active']);
    expect(refusal(await keyed(shop, `POST /v1/holds/${hold.id}/capture`))).toEqual([422, 'hold_not_active']);
  });
});

describe('GET /v1/holds', () => {
  test('› the holds on and for the caller’s accounts, in pages, by account and status', async () => {
    const holds = [await place({ amount: '1.00' }), await place({ amount: '2.00' }), await place({ amount: '3.00' })];
    await keyed(alice, `POST /v1/holds/${holds[1]?.id}/void`);
    const list = async (by: Caller, query: string) =>
      (await service.call(by, `GET /v1/holds?${query}`)).json<{ data: { amount: string }[]; nextCursor: string }>();
    const amounts = (page: { data: { amount: string }[] }) => page.data.map((hold) => hold.amount);
    const first = await list(shop, `account=${till.id}&limit=2`);
    expect(amounts(first)).toEqual(['3.00', '2.00']);
    const rest = await list(shop, `account=${till.id}&limit=2&cursor=${first.nextCursor}`);
    expect([amounts(rest), rest.nextCursor]).toEqual([['1.00'], null]);
    expect(amounts(await list(alice, `account=${account.id}&status=active`))).toEqual(['3.00', '1.00']);
    expect(amounts(await list(alice, 'limit=1'))).toEqual(['3.00']);
    expect((await service.call(shop, `GET /v1/holds?account=${account.id}`)).status).toBe(404);
    expect((await list(operator, `account=${account.id}`)).data).toHaveLength(3);
  });
});
