import { randomUUID } from 'node:crypto';
import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCustomer, newPerson } from './people.ts';

let fleet: Fleet;
let ada: Awaited<ReturnType<typeof newCustomer>>;
let grace: Awaited<ReturnType<typeof newCustomer>>;
let adminToken: string;
let euros: string;
let closed: string;
let frozen: string;

beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { RATE_LIMIT_WEBHOOK: '5' } });
  ada = await newCustomer(fleet, 'Ada', '10.00');
  grace = await newCustomer(fleet, 'Grace', '1.00');
  const admin = createClient({ baseUrl: fleet.gateway });
  adminToken = (await admin.login(fleet.admin)).accessToken;
  euros = (await ada.client.openAccount({ name: 'Euros', type: 'checking', currency: 'EUR' })).id;
  closed = (await ada.client.openAccount({ name: 'Old', type: 'checking', currency: 'USD' })).id;
  await ada.client.closeAccount(closed);
  frozen = (await ada.client.openAccount({ name: 'Frozen', type: 'checking', currency: 'USD' })).id;
  await admin.freezeAccount(frozen, 'for the test');
});
afterAll(() => fleet?.stop());

interface Sent {
  readonly request: string;
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

async function send({ request, token = ada.accessToken, body, headers = {} }: Sent) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { response, problem: (await response.json()) as Record<string, unknown> };
}

const transfer = (fields: Record<string, unknown> = {}) => ({
  request: 'POST /v1/transfers',
  headers: { 'idempotency-key': randomUUID() },
  body: { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD', ...fields },
});
const nobody = 'acc_01h455vb4pex5vsknk084sn02q';

/** What to send, by the code that it gets: every code of the contract that this release can answer with. */
const cases: Record<string, [status: number, sent: () => Sent]> = {
  validation_failed: [400, () => transfer({ amount: 1 })],
  invalid_cursor: [400, () => ({ request: 'GET /v1/transactions?cursor=x' })],
  idempotency_key_required: [400, () => ({ ...transfer(), headers: {} })],
  unauthenticated: [401, () => ({ request: 'GET /v1/me', token: null })],
  invalid_credentials: [
    401,
    () => ({ request: 'POST /v1/auth/login', token: null, body: { email: ada.email, password: 'wrong, really' } }),
  ],
  forbidden: [403, () => ({ request: `POST /v1/accounts/${ada.account.id}/freeze`, body: { reason: 'x' } })],
  not_found: [404, () => ({ request: `GET /v1/accounts/${grace.account.id}` })],
  method_not_allowed: [405, () => ({ request: 'DELETE /v1/transfers' })],
  email_taken: [
    409,
    () => ({
      request: 'POST /v1/auth/register',
      token: null,
      body: { email: ada.email, password: 'another long one', name: 'Eve' },
    }),
  ],
  payload_too_large: [413, () => transfer({ description: 'x'.repeat(70_000) })],
  unsupported_media_type: [
    415,
    () => ({ ...transfer(), headers: { 'idempotency-key': '1', 'content-type': 'text/plain' }, body: 'hello' }),
  ],
  insufficient_funds: [422, () => transfer({ amount: '10000.00' })],
  account_frozen: [422, () => transfer({ from: frozen })],
  account_closed: [422, () => transfer({ from: closed })],
  account_not_found: [422, () => transfer({ to: nobody })],
  currency_mismatch: [422, () => transfer({ to: euros })],
  same_account: [422, () => transfer({ to: ada.account.id })],
  webhook_url_not_allowed: [
    422,
    () => ({ request: 'POST /v1/webhook-endpoints', body: { url: 'https://0xa9fea9fe/latest', events: ['*'] } }),
  ],
  account_not_empty: [422, () => ({ request: `POST /v1/accounts/${ada.account.id}/close` })],
};

describe('every error is a problem document with its code', () => {
  it.each(Object.entries(cases))('%s', async (code, [status, sent]) => {
    const { response, problem } = await send(sent());
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(problem).toMatchObject({
      type: `https://florin.dev/problems/${code.replaceAll('_', '-')}`,
      title: expect.stringMatching(/./),
      status,
      instance: sent().request.split(' ')[1]?.split('?')[0],
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect('errors' in problem).toBe(code === 'validation_failed');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('idempotency_key_reused, for another body under the same key', async () => {
    const first = transfer();
    expect((await send(first)).response.status).toBe(201);
    const { response, problem } = await send({ ...first, body: { ...first.body, amount: '2.00' } });
    expect([response.status, problem.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('conflict: an admin cannot give up being one', async () => {
    const { problem: me } = await send({ request: 'GET /v1/me', token: adminToken });
    const { response, problem } = await send({
      request: `PATCH /v1/users/${me.id}`,
      token: adminToken,
      body: { roles: ['operator'] },
    });
    expect([response.status, problem.code]).toEqual([409, 'conflict']);
  });

  it('account_locked, with Retry-After, after too many wrong passwords', async () => {
    const eve = await newPerson(fleet, 'Eve');
    const guess = () =>
      send({ request: 'POST /v1/auth/login', token: null, body: { email: eve.email, password: 'a wrong guess' } });
    await eventually(async () => {
      const { response, problem } = await guess();
      expect([response.status, problem.code]).toEqual([429, 'account_locked']);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    });
  });

  it('rate_limited, with Retry-After', async () => {
    await eventually(async () => {
      const { response, problem } = await send({
        request: 'POST /v1/webhooks/providers/sandbox',
        token: null,
        body: {},
      });
      expect([response.status, problem.code]).toEqual([429, 'rate_limited']);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(response.headers.get('ratelimit-policy')).toMatch(/q=5;w=\d+/);
    });
  });

  it('not yours is answered like not there', async () => {
    const theirs = await send({ request: `GET /v1/accounts/${grace.account.id}` });
    const nobodys = await send({ request: `GET /v1/accounts/${nobody}` });
    const comparable = (problem: Record<string, unknown>) => ({ ...problem, instance: '', traceId: '' });
    expect(comparable(theirs.problem)).toEqual(comparable(nobodys.problem));
  });

  it.each(['/internal/openapi.json', '/internal/revocations', '/metrics', '/v2/accounts'])(
    '%s is not there',
    async (path) => {
      const { response, problem } = await send({ request: `GET ${path}` });
      expect([response.status, problem.code]).toEqual([404, 'not_found']);
    },
  );

  it('upstream_unavailable, with Retry-After, while a service is stopped; others go on', async () => {
    fleet.kill('notification', 'SIGSTOP');
    try {
      const { response, problem } = await send({ request: 'GET /v1/notifications' });
      expect([
        [503, 'upstream_unavailable'],
        [504, 'upstream_timeout'],
      ]).toContainEqual([response.status, problem.code]);
      expect((await send({ request: 'GET /v1/me' })).response.status).toBe(200);
      expect((await fetch(`${fleet.gateway}/health`)).status).toBe(503);
      expect((await fetch(`${fleet.gateway}/health/live`)).status).toBe(200);
    } finally {
      fleet.kill('notification', 'SIGCONT');
    }
    await eventually(async () => expect((await send({ request: 'GET /v1/notifications' })).response.status).toBe(200));
  });
});
