import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newCustomer, type Person } from './people.ts';

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let fleet: Fleet;
let shop: Server;
let url: string;
const received: Received[] = [];
const statuses: number[] = [];

beforeAll(async () => {
  shop = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = request.headers as Record<string, string>;
    received.push({ headers, body: Buffer.concat(chunks).toString('utf8') });
    response.writeHead(statuses.shift() ?? 200).end('thanks');
  });
  await once(shop.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(shop.address() as AddressInfo).port}/hooks`;
  fleet = await startFleet({ transport: 'embedded', env: { WEBHOOK_PRIVATE_TARGETS: 'allow' } });
});
afterAll(async () => {
  await fleet?.stop();
  shop?.closeAllConnections();
  shop?.close();
});

async function call({ accessToken }: Pick<Person, 'accessToken'>, request: string, body?: object) {
  const [method = '', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${accessToken}`,
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const typeOf = ({ body }: Received) => (JSON.parse(body) as { type: string }).type;
const receivedOf = (type: string) => eventually(() => found(type), { timeoutMs: 10_000 });

function found(type: string): Received {
  const match = received.find((candidate) => typeOf(candidate) === type);
  if (!match) throw new Error(`no ${type} among ${received.map(typeOf).join(', ')}`);
  return match;
}

it('money moves, and the shop is told: signed, with what it may see, again when it fails, and again on demand', async () => {
  const [ada, grace] = [await newCustomer(fleet, 'Ada', '100.00'), await newCustomer(fleet, 'Grace', '1.00')];
  received.length = 0;
  // What paid for the accounts has arrived: an endpoint made before that would be told of it.
  await eventually(async () => {
    const { body } = await call(grace, 'GET /v1/notifications');
    expect(JSON.stringify(body.data)).toContain('1.00');
  });
  const made = await call(grace, 'POST /v1/webhook-endpoints', { url, events: ['*'] });
  expect(made.status).toBe(201);
  const { id, secret } = made.body as { id: string; secret: string };
  statuses.push(503);
  const order = { from: ada.account.id, to: grace.account.id, amount: '12.50', currency: 'USD', description: 'Lunch' };
  const sent = await ada.client.transfer(order);

  const posted = await receivedOf('transaction.posted');
  const shown = new Webhook(secret).verify(posted.body, posted.headers) as { data: Record<string, unknown> };
  const { status, metadata: _, ...transaction } = await grace.client.transaction(sent.id);
  expect(shown.data).toEqual({ ...transaction, status });
  expect(shown.data.entries).toEqual([
    { account: ada.account.id, amount: '-12.50' },
    { account: grace.account.id, amount: '12.50', balanceAfter: '13.50', version: 2 },
  ]);
  // Control: one byte, one character of the id, another secret.
  const other = (await call(ada, 'POST /v1/webhook-endpoints', { url, events: ['hold.voided'] })).body.secret as string;
  const forgeries: [string, Received][] = [
    [secret, { ...posted, body: posted.body.replace('12.50', '92.50') }],
    [secret, { ...posted, headers: { ...posted.headers, 'webhook-id': 'evt_01h455vb4pex5vsknk084sn02q' } }],
    [other, posted],
  ];
  for (const [key, { body, headers }] of forgeries) {
    expect(() => new Webhook(key).verify(body, headers)).toThrow(WebhookVerificationError);
  }

  // The shop refused it: it comes again by itself, the same.
  await eventually(
    () => {
      const again = received.filter((one) => one.headers['webhook-id'] === posted.headers['webhook-id']);
      expect(again.map(({ body }) => body)).toEqual([posted.body, posted.body]);
    },
    { timeoutMs: 15_000 },
  );
  await eventually(async () => {
    const { body } = await call(grace, `GET /v1/webhook-endpoints/${id}/deliveries`);
    expect(body.data).toMatchObject([
      { status: 'succeeded', attempts: [{ status: 503, answer: 'thanks' }, { status: 200 }] },
    ]);
  });
  // Whoever asks how the transfer came to be is told of it too, each of what went to endpoints of their own.
  const explained = async (whose: Person) => (await call(whose, `GET /v1/transactions/${sent.id}/explain`)).body;
  const told = { endpoint: id, event: posted.headers['webhook-id'], type: 'transaction.posted', attempts: 2 };
  expect((await explained(grace)).deliveries).toMatchObject([{ ...told, status: 'succeeded', lastStatus: 200 }]);
  expect((await explained(ada)).deliveries).toEqual([]);
  const range = { from: posted.headers['webhook-id'], to: new Date(Date.now() + 60_000).toISOString() };
  expect(await call(grace, `POST /v1/webhook-endpoints/${id}/replay`, range)).toMatchObject({
    status: 202,
    body: { events: 1 },
  });
  await eventually(() => expect(received.filter(({ body }) => body === posted.body)).toHaveLength(3));
});

it('holds and tests are told of too; what is Ada’s is told to nobody else', async () => {
  const ada = await newCustomer(fleet, 'Ada', '10.00');
  const made = await call(ada, 'POST /v1/webhook-endpoints', { url, events: ['hold.created', 'hold.voided'] });
  const { id, secret } = made.body as { id: string; secret: string };
  received.length = 0;
  const hold = await call(ada, 'POST /v1/holds', { account: ada.account.id, amount: '2.00', currency: 'USD' });
  await call(ada, `POST /v1/holds/${hold.body.id}/void`);
  for (const type of ['hold.created', 'hold.voided']) {
    const { body, headers } = await receivedOf(type);
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({
      type,
      data: { id: hold.body.id, amount: '2.00' },
    });
  }
  expect(await call(ada, `POST /v1/webhook-endpoints/${id}/test`)).toMatchObject({ body: { type: 'webhook.test' } });
  const { body, headers } = await receivedOf('webhook.test');
  new Webhook(secret).verify(body, headers);
  const internal = await call(ada, 'GET /internal/webhook-deliveries?transaction=txn_01h455vb4pex5vsknk084sn02q');
  expect(internal.status).toBe(404);
});
