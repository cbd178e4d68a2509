import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderUnclear } from './provider.ts';
import { sandboxProvider } from './sandbox.ts';
import { webhookKey } from './standard-webhooks.ts';

const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const instrument = { type: 'card', token: 'tok_ok' };
const order = { type: 'deposit' as const, reference: 'txn_1', amount: 1250n, currency: 'USD', instrument };
const charge = { id: 'ch_1', reference: 'txn_1', amount: '1250', currency: 'USD', status: 'succeeded' };

let server: Server;
let answer: { status: number; body: unknown };
let asked: { method?: string; url?: string; key?: unknown; body: string };
let provider: ReturnType<typeof sandboxProvider>;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked = { method, url, key: headers['x-api-key'], body: Buffer.concat(chunks).toString() };
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = sandboxProvider({ url, apiKey: 'an-api-key-for-tests', webhookSecret });
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const soon = () => AbortSignal.timeout(2_000);

describe('submit', () => {
  test('sends the order in minor units under its reference, with our key', async () => {
    answer = { status: 202, body: { id: 'ch_1', status: 'pending' } };
    expect(await provider.submit(order, soon())).toEqual({ kind: 'accepted', providerReference: 'ch_1' });
    expect(asked).toMatchObject({ method: 'POST', url: '/charges', key: 'an-api-key-for-tests' });
    const sent = { reference: 'txn_1', amount: '1250', currency: 'USD' };
    expect(JSON.parse(asked.body)).toEqual({ ...sent, source: instrument });
    await provider.submit({ ...order, type: 'withdrawal', instrument: { type: 'bank_account', iban: 'XX00' } }, soon());
    expect(asked.url).toBe('/payouts');
    expect(JSON.parse(asked.body)).toEqual({ ...sent, destination: { type: 'bank_account', iban: 'XX00' } });
  });

  test('a refusal of the order is definite and tells why', async () => {
    answer = { status: 422, body: { error: { code: 'invalid_source', message: 'Unknown token.' } } };
    expect(await provider.submit(order, soon())).toEqual({
      kind: 'refused',
      failure: { code: 'invalid_source', message: 'Unknown token.' },
    });
  });

  test('a refusal without a reason is a refusal too', async () => {
    answer = { status: 400, body: '<html>' };
    expect(await provider.submit(order, soon())).toMatchObject({ kind: 'refused' });
  });

  test.each([401, 403, 404, 408, 429, 500, 502, 503])('%i says nothing about the order', async (status) => {
    answer = { status, body: { error: { code: 'x', message: 'y' } } };
    await expect(provider.submit(order, soon())).rejects.toThrow(ProviderUnclear);
  });

  test('a 202 without an id is no acceptance', async () => {
    answer = { status: 202, body: {} };
    await expect(provider.submit(order, soon())).rejects.toThrow(ProviderUnclear);
  });
});

describe('find', () => {
  test('reports what became of the charge', async () => {
    answer = { status: 200, body: charge };
    expect(await provider.find(order, soon())).toEqual({
      reference: 'txn_1',
      providerReference: 'ch_1',
      amount: 1250n,
      currency: 'USD',
      outcome: { kind: 'succeeded' },
    });
    expect(asked.url).toBe('/charges?reference=txn_1');
    await provider.find({ ...order, type: 'withdrawal' }, soon());
    expect(asked.url).toBe('/payouts?reference=txn_1');
  });

  test("undefined only when the provider itself says that there is none, not for a stranger's 404", async () => {
    answer = { status: 404, body: { error: { code: 'charge_not_found', message: '-' } } };
    expect(await provider.find(order, soon())).toBeUndefined();
    answer = { status: 404, body: { message: 'no route' } };
    await expect(provider.find(order, soon())).rejects.toThrow(ProviderUnclear);
  });
});

describe('readWebhook', () => {
  const now = new Date('2026-11-20T12:00:00Z');

  function signed(text: string) {
    const timestamp = String(now.getTime() / 1_000);
    const hmac = createHmac('sha256', webhookKey(webhookSecret)).update(`evt_1.${timestamp}.${text}`);
    return {
      'webhook-id': 'evt_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${hmac.digest('base64')}`,
    };
  }

  const read = (text: string, headers = signed(text)) => provider.readWebhook(headers, Buffer.from(text), now);

  test('a failed charge carries its reason', () => {
    const failure = { code: 'card_declined', message: 'Declined.' };
    const event = { type: 'charge.failed', data: { ...charge, status: 'failed', failure } };
    expect(read(JSON.stringify(event))).toMatchObject({
      kind: 'report',
      report: { reference: 'txn_1', outcome: { kind: 'failed', failure } },
    });
  });

  test.each([
    ['no JSON', '{'],
    ['another shape', '{"type":"charge.succeeded"}'],
    ['an amount that is a number', JSON.stringify({ type: 'charge.succeeded', data: { ...charge, amount: 1250 } })],
  ])('well signed, but %s: unreadable', (_name, text) => {
    expect(read(text).kind).toBe('unreadable');
  });

  test('the signature is looked at before the body', () => {
    expect(read('{', signed('[')).kind).toBe('forged');
  });
});
