import { createHmac } from 'node:crypto';
import { formatId, newUuid } from '@florin/service';
import type { TestDatabase } from '@florin/testing';
import { register } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { webhookKey } from './providers/standard-webhooks.ts';
import { chargeEvent, deliver } from './testing/provider-webhooks.ts';
import { freePort, sandboxSecret } from './testing/sandbox-process.ts';
import {
  createLedgerDatabase,
  deposit,
  ledgerTotal,
  openLedger,
  read,
  type TestLedger,
} from './testing/test-ledger.ts';

let database: TestDatabase;
let ledger: TestLedger;

// Nothing listens where the provider should be: the webhooks here are made by the test.
beforeAll(async () => {
  database = await createLedgerDatabase();
  ledger = await openLedger({ databaseUrl: database.url, providerUrl: `http://127.0.0.1:${await freePort()}` });
});

afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

afterEach(async () => {
  for (const total of await ledgerTotal(ledger)) expect(total).toMatch(/ 0$/);
});

async function pending() {
  const account = await ledger.openAccount();
  const answer = await deposit(ledger, { account });
  return { account, id: answer.json().id as string };
}

const statusOf = async (id: string) => (await read(ledger, `/v1/transactions/${id}`)).status;
const balanceOf = async (account: string) => (await read(ledger, `/v1/accounts/${account}/balance`)).posted;

async function counted(name: string, labels: Record<string, string>): Promise<number> {
  const metric = await register.getSingleMetric(name)?.get();
  const isSame = (value: { labels: object }) =>
    Object.entries(labels).every(([label, text]) => (value.labels as Record<string, unknown>)[label] === text);
  return metric?.values.filter(isSame).reduce((sum, { value }) => sum + value, 0) ?? 0;
}

describe('POST /v1/webhooks/providers/{provider}', () => {
  test('200 after the deposit is posted; a repeat is 200 with no second effect', async () => {
    const { account, id } = await pending();
    const first = await deliver(ledger.app, chargeEvent(id));
    expect([first.statusCode, first.json()]).toEqual([200, { received: true }]);
    expect(await statusOf(id)).toBe('posted');
    expect((await deliver(ledger.app, chargeEvent(id))).statusCode).toBe(200);
    expect(await balanceOf(account)).toBe('12.50');
  });

  test('401 unauthenticated and no effect when it is signed with another key', async () => {
    const { account, id } = await pending();
    const answer = await deliver(ledger.app, chargeEvent(id), { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' });
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthenticated']);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([await statusOf(id), await balanceOf(account)]).toEqual(['pending', '0.00']);
  });

  test('401 without any signature, with or without a body', async () => {
    const { id } = await pending();
    for (const payload of [chargeEvent(id), undefined]) {
      const url = '/v1/webhooks/providers/sandbox';
      const answer = await ledger.app.inject({ method: 'POST', url, ...(payload !== undefined && { payload }) });
      expect(answer.statusCode).toBe(401);
    }
    expect(await statusOf(id)).toBe('pending');
  });

  test('the signature is over the raw bytes: one that fits the same JSON in other bytes is 401', async () => {
    const { id } = await pending();
    const text = chargeEvent(id);
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signature = createHmac('sha256', webhookKey(sandboxSecret)).update(`evt_1.${timestamp}.${text}`);
    const answer = await ledger.app.inject({
      method: 'POST',
      url: '/v1/webhooks/providers/sandbox',
      headers: {
        'content-type': 'application/json',
        'webhook-id': 'evt_1',
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature.digest('base64')}`,
      },
      payload: `${text} `,
    });
    expect(answer.statusCode).toBe(401);
  });

  test('401, not 400, for bytes that are no JSON and not signed either: nothing is parsed before', async () => {
    expect((await deliver(ledger.app, '{', { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })).statusCode).toBe(401);
  });

  test.each(['{', '[]', 'null', '{"type":"charge.succeeded","data":{}}', '{"__proto__":{"type":"x"}}'])(
    '400 validation_failed for %s, well signed',
    async (text) => {
      const answer = await deliver(ledger.app, text);
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'validation_failed']);
    },
  );

  test.each(['unknown', 'constructor', '__proto__'])('404 for the provider %s', async (provider) => {
    const answer = await deliver(ledger.app, chargeEvent('txn_1'), { provider });
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
  });

  test('200, counted, for a payment that is not ours', async () => {
    const before = await counted('webhooks_received_total', { outcome: 'unknown' });
    for (const reference of ['somebody-elses', formatId('txn', newUuid())]) {
      expect((await deliver(ledger.app, chargeEvent(reference))).statusCode).toBe(200);
    }
    expect(await counted('webhooks_received_total', { outcome: 'unknown' })).toBe(before + 2);
  });

  test.each([
    ['amount', { amount: '125000' }],
    ['currency', { currency: 'EUR' }],
  ])('409 and an alarm when its %s is not that of the payment; the right one still posts', async (_name, changes) => {
    const { account, id } = await pending();
    const before = await counted('payments_disputed_total', { reason: 'mismatch' });
    const answer = await deliver(ledger.app, chargeEvent(id, changes));
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'conflict']);
    expect(await counted('payments_disputed_total', { reason: 'mismatch' })).toBe(before + 1);
    expect([await statusOf(id), await balanceOf(account)]).toEqual(['pending', '0.00']);
    await deliver(ledger.app, chargeEvent(id));
    expect(await balanceOf(account)).toBe('12.50');
  });

  test('never posted after it has failed, and that is an alarm', async () => {
    const { account, id } = await pending();
    const failure = { code: 'card_declined', message: 'Declined.' };
    await deliver(ledger.app, chargeEvent(id, { status: 'failed', failure }));
    const before = await counted('payments_disputed_total', { reason: 'contradiction' });
    expect((await deliver(ledger.app, chargeEvent(id))).statusCode).toBe(200);
    expect([await statusOf(id), await balanceOf(account)]).toEqual(['failed', '0.00']);
    expect(await counted('payments_disputed_total', { reason: 'contradiction' })).toBe(before + 1);
  });

  test('a frozen account receives', async () => {
    const { account, id } = await pending();
    await ledger.setStatus(account, 'frozen');
    await deliver(ledger.app, chargeEvent(id));
    expect(await balanceOf(account)).toBe('12.50');
  });

  test('money for an account that was closed meanwhile is booked to suspense, visible to the customer, and an alarm', async () => {
    const { account, id } = await pending();
    await ledger.setStatus(account, 'closed');
    const before = await counted('payments_suspended_total', { provider: 'sandbox' });
    expect((await deliver(ledger.app, chargeEvent(id))).statusCode).toBe(200);
    const transaction = await read(ledger, `/v1/transactions/${id}`);
    expect(transaction).toMatchObject({ status: 'posted', from: 'external:sandbox', to: 'suspense' });
    expect(await balanceOf(account)).toBe('0.00');
    expect(await counted('payments_suspended_total', { provider: 'sandbox' })).toBe(before + 1);
  });
});
