import { newUuid } from '@florin/service';
import type { TestDatabase } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from './testing/sandbox-process.ts';
import { createLedgerDatabase, deposit, openLedger, read, type TestLedger } from './testing/test-ledger.ts';

let database: TestDatabase;
let ledger: TestLedger;

// Nothing listens where the provider should be: what is promised here does not need it.
beforeAll(async () => {
  database = await createLedgerDatabase();
  ledger = await openLedger({ databaseUrl: database.url, providerUrl: `http://127.0.0.1:${await freePort()}` });
});

afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

async function paymentCount(): Promise<number> {
  return (await ledger.db.selectFrom('payments').select('id').execute()).length;
}

describe('POST /v1/deposits', () => {
  test('202 a pending deposit, at once also while the provider is away', async () => {
    const account = await ledger.openAccount();
    const answer = await deposit(ledger, { account, description: 'salary', metadata: { month: '11' } });
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({
      id: expect.stringMatching(/^txn_/),
      type: 'deposit',
      status: 'pending',
      amount: '12.50',
      currency: 'USD',
      from: 'external:sandbox',
      to: account,
      description: 'salary',
      metadata: { month: '11' },
      entries: [],
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      postedAt: null,
      effectiveAt: null,
    });
    expect(await read(ledger, `/v1/transactions/${answer.json().id}`)).toEqual(answer.json());
    expect((await read(ledger, `/v1/accounts/${account}/balance`)).posted).toBe('0.00');
  });

  test('the same key again is the same answer and no second payment, also ten times at once', async () => {
    const account = await ledger.openAccount();
    const before = await paymentCount();
    const headers = { 'idempotency-key': newUuid() };
    const answers = await Promise.all(Array.from({ length: 10 }, () => deposit(ledger, { account }, headers)));
    expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true')).toHaveLength(9);
    expect(await paymentCount()).toBe(before + 1);
  });

  test('422 idempotency_key_reused for the same key with another amount', async () => {
    const account = await ledger.openAccount();
    const headers = { 'idempotency-key': newUuid() };
    await deposit(ledger, { account }, headers);
    const answer = await deposit(ledger, { account, amount: '12.51' }, headers);
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('400 idempotency_key_required without a key', async () => {
    const account = await ledger.openAccount();
    const answer = await ledger.app.inject({
      method: 'POST',
      url: '/v1/deposits',
      headers: { authorization: `Bearer ${ledger.token}` },
      payload: { account, amount: '1.00', currency: 'USD', source: { type: 'card', token: 'tok_ok' } },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'idempotency_key_required']);
  });

  test("404 for another customer's account, the same as for none", async () => {
    const stranger = await ledger.openAccount({ ownerId: newUuid() });
    const [theirs, nobodys] = [
      await deposit(ledger, { account: stranger }),
      await deposit(ledger, { account: 'acc_01h455vb4pex5vsknk084sn02q' }),
    ];
    expect([theirs.statusCode, nobodys.statusCode]).toEqual([404, 404]);
    const { traceId: _theirs, ...first } = theirs.json();
    const { traceId: _nobodys, ...second } = nobodys.json();
    expect(first).toEqual(second);
  });

  test('422 account_closed, kept under its key', async () => {
    const account = await ledger.openAccount();
    await ledger.setStatus(account, 'closed');
    const headers = { 'idempotency-key': newUuid() };
    const answers = [await deposit(ledger, { account }, headers), await deposit(ledger, { account }, headers)];
    expect(answers.map((answer) => [answer.statusCode, answer.json().code])).toEqual([
      [422, 'account_closed'],
      [422, 'account_closed'],
    ]);
    expect(answers[1]?.headers['idempotent-replayed']).toBe('true');
  });

  test('202 for a frozen account: it may receive', async () => {
    const account = await ledger.openAccount();
    await ledger.setStatus(account, 'frozen');
    expect((await deposit(ledger, { account })).statusCode).toBe(202);
  });

  test('422 currency_mismatch for another currency than that of the account', async () => {
    const account = await ledger.openAccount({ currency: 'EUR' });
    const answer = await deposit(ledger, { account });
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'currency_mismatch']);
  });

  test('422 limit_exceeded for more than an account can hold', async () => {
    const account = await ledger.openAccount({ currency: 'HBAR' });
    const answer = await deposit(ledger, { account, amount: '999999999999999', currency: 'HBAR' });
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'limit_exceeded']);
  });

  test.each([
    ['/provider', { provider: 'unknown' }],
    ['/provider', { provider: 'constructor' }],
    ['/amount', { amount: '0.00' }],
    ['/amount', { amount: '1.001' }],
    ['/amount', { amount: 12.5 }],
    ['/currency', { currency: 'XXX' }],
    ['/source/type', { source: { type: 'Cash!', token: 'tok_ok' } }],
    ['/source/token', { source: { type: 'card' } }],
    ['/more', { more: true }],
  ])('400 validation_failed at %s for %j', async (pointer, change) => {
    const account = await ledger.openAccount();
    const before = await paymentCount();
    const answer = await deposit(ledger, { account, ...change });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'validation_failed']);
    expect(answer.json().errors[0].pointer).toBe(pointer);
    expect(await paymentCount()).toBe(before);
  });

  test('403 insufficient_scope without transactions:write', async () => {
    const account = await ledger.openAccount();
    const token = ledger.issuer.userToken({ userId: ledger.userId, scopes: ['transactions:read'] });
    const answer = await deposit(ledger, { account }, { authorization: `Bearer ${token}` });
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'insufficient_scope']);
  });
});
