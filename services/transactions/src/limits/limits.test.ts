import { accountLimitsChanged } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accountSubscriptions } from '../subscriptions/account-changes.ts';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let to: Opened;
beforeAll(async () => {
  service = await startTestService();
  alice = service.caller();
  to = await service.open(service.caller());
});
afterAll(() => service.close());

const none = { perTransaction: null, daily: null, monthly: null };

/** Tells the ledger as the service accounts does. */
async function limit(account: Opened, limits: Record<string, unknown> | undefined, version: number): Promise<Answer> {
  const token = service.issuer.serviceToken('accounts', 'transactions');
  return await service.call({ token }, `PUT /internal/ledger-accounts/${account.id}`, {
    owner: alice.id,
    currency: 'USD',
    accountNumber: account.accountNumber,
    status: 'active',
    ...(limits && { limits: { ...none, ...limits } }),
    version,
  });
}

const wish = (from: Opened, amount: string) => ({ from: from.id, to: to.id, amount, currency: 'USD' });

const transfer = (from: Opened, amount: string): Promise<Answer> =>
  service.call(alice, 'POST /v1/transfers', wish(from, amount), { 'idempotency-key': newUuid() });

async function postedOf(account: Opened): Promise<bigint | undefined> {
  const { rows } = await sql<{ posted: bigint }>`
    select posted from ledger_accounts where id = ${account.uuid}`.execute(service.ledger.db);
  return rows[0]?.posted;
}

describe('limits of an account', () => {
  test('› 422 limit_exceeded from the moment on in which the ledger has them, until they are lifted', async () => {
    const from = await service.open(alice, 100_000n);
    expect((await limit(from, { perTransaction: '10.00' }, 2)).status).toBe(200);
    const refused = await transfer(from, '10.01');
    expect([refused.status, refused.json()]).toMatchObject([
      422,
      {
        code: 'limit_exceeded',
        detail: `Account ${from.id} has a perTransaction limit of 10.00 USD: 10.01 USD asked.`,
      },
    ]);
    expect((await transfer(from, '10.00')).status).toBe(201);
    await limit(from, none, 3);
    expect((await transfer(from, '10.01')).status).toBe(201);
  });

  test('› 50 transfers at once never exceed a daily limit, and use it up', async () => {
    const from = await service.open(alice, 100_000n);
    await limit(from, { daily: '100.00' }, 2);
    const answers = await Promise.all(Array.from({ length: 50 }, () => transfer(from, '7.00')));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(14);
    expect(new Set(answers.map((one) => one.json().code))).toEqual(new Set([undefined, 'limit_exceeded']));
    expect(await postedOf(from)).toBe(90_200n);
    const last = await transfer(from, '2.01');
    expect(last.json().detail).toBe(
      `Account ${from.id} has a daily limit of 100.00 USD: 98.00 USD used, 2.01 USD asked.`,
    );
    expect((await transfer(from, '2.00')).status).toBe(201);
  });

  test('› batches at once count too, item by item', async () => {
    const from = await service.open(alice, 100_000n);
    await limit(from, { monthly: '50.00' }, 2);
    const body = { mode: 'independent', transfers: Array.from({ length: 20 }, () => wish(from, '1.00')) };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        service.call(alice, 'POST /v1/transfers/batch', body, { 'idempotency-key': newUuid() }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await postedOf(from)).toBe(95_000n);
  });

  test('› what has left this month already counts when the first limit is set', async () => {
    const from = await service.open(alice, 100_000n);
    await transfer(from, '30.00');
    await limit(from, { daily: '50.00' }, 2);
    expect((await transfer(from, '20.01')).json()).toMatchObject({ code: 'limit_exceeded' });
    expect((await transfer(from, '20.00')).status).toBe(201);
    await limit(from, none, 3);
    await transfer(from, '5.00');
    await limit(from, { monthly: '60.00' }, 4);
    expect((await transfer(from, '5.01')).json()).toMatchObject({ code: 'limit_exceeded' });
    expect((await transfer(from, '5.00')).status).toBe(201);
  });

  test('› what comes in does not count', async () => {
    const [from, other] = [await service.open(alice, 100_000n), await service.open(alice)];
    await limit(other, { daily: '1.00' }, 2);
    const answer = await service.call(
      alice,
      'POST /v1/transfers',
      { ...wish(from, '50.00'), to: other.id },
      { 'idempotency-key': newUuid() },
    );
    expect(answer.status).toBe(201);
    expect((await transfer(other, '1.00')).status).toBe(201);
  });

  test('› are ordered by version, and left alone by a caller that does not know of them', async () => {
    const from = await service.open(alice, 100_000n);
    await limit(from, { daily: '5.00' }, 4);
    await limit(from, { daily: '500.00' }, 3);
    await limit(from, undefined, 5);
    expect((await transfer(from, '5.01')).status).toBe(422);
  });

  test('› come by event too, when the direct call did not get through', async () => {
    const from = await service.open(alice, 100_000n);
    const account = {
      id: from.id,
      owner: alice.id,
      name: 'Daily',
      type: 'checking' as const,
      currency: 'USD',
      accountNumber: from.accountNumber,
      status: 'frozen' as const,
      limits: { ...none, daily: '5.00' },
      version: 2,
    };
    const subscription = accountSubscriptions.find(({ type }) => type === accountLimitsChanged.type);
    const event = newEvent(accountLimitsChanged, { source: 'florin/accounts', subject: from.id, data: { account } });
    await inTransaction(service.ledger.db, async (tx) => subscription?.handle(tx, [event]));
    expect((await transfer(from, '1.00')).json()).toMatchObject({ code: 'account_frozen' });
    await limit(from, undefined, 3);
    expect((await transfer(from, '5.01')).json()).toMatchObject({ code: 'limit_exceeded' });
  });

  test('› 400 for what is no amount of the currency', async () => {
    const from = await service.open(alice);
    const answer = await limit(from, { daily: '1.001' }, 2);
    expect([answer.status, answer.json().errors]).toMatchObject([400, [{ pointer: '/limits/daily' }]]);
  });
});
