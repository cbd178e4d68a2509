import { randomUUID } from 'node:crypto';
import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCustomer } from './people.ts';
import { totp } from './totp.ts';

let fleet: Fleet;
let ada: Awaited<ReturnType<typeof newCustomer>>;
let grace: Awaited<ReturnType<typeof newCustomer>>;

beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded' });
  ada = await newCustomer(fleet, 'Ada', '10.00');
  grace = await newCustomer(fleet, 'Grace', '1.00');
});
afterAll(() => fleet?.stop());

async function call(request: string, token: string | undefined, body?: unknown) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

describe('an API key', () => {
  it('does through the gateway what its scopes name, at every service, and nothing else', async () => {
    const scopes = ['accounts:read', 'transactions:write'];
    const made = await call('POST /v1/api-keys', ada.accessToken, { name: 'Payroll', scopes });
    const secret = String(made.body.secret);
    expect((await call('GET /v1/me', secret)).body).toMatchObject({ email: ada.email });
    expect((await call(`GET /v1/accounts/${ada.account.id}`, secret)).status).toBe(200);
    const order = { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD' };
    expect((await call('POST /v1/transfers', secret, order)).status).toBe(201);
    const refused = [
      ['GET /v1/transactions', 403, 'insufficient_scope'],
      ['GET /v1/notifications', 403, 'insufficient_scope'],
      ['GET /v1/me/sessions', 403, 'forbidden'],
      ['GET /v1/api-keys', 403, 'forbidden'],
      [`GET /v1/accounts/${grace.account.id}`, 404, 'not_found'],
    ] as const;
    for (const [request, status, code] of refused) {
      expect(await call(request, secret), request).toMatchObject({ status, body: { code } });
    }
    for (const name of ['gateway', 'identity', 'accounts', 'transactions']) {
      expect(fleet.logs(name).includes(secret), name).toBe(false);
    }
  });

  it('is dead within a second of its revocation, also when that did not pass through the gateway', async () => {
    const { body } = await call('POST /v1/api-keys', ada.accessToken, { name: 'Lost', scopes: ['accounts:read'] });
    const secret = String(body.secret);
    expect((await call('GET /v1/accounts', secret)).status).toBe(200);
    const identity = fleet.process('identity').url;
    const headers = { authorization: `Bearer ${ada.accessToken}` };
    expect((await fetch(`${identity}/v1/api-keys/${body.id}`, { method: 'DELETE', headers })).status).toBe(204);
    const revoked = performance.now();
    await eventually(async () => expect((await call('GET /v1/accounts', secret)).status).toBe(401));
    expect(performance.now() - revoked).toBeLessThan(1_000);
  });
});

describe('a second factor', () => {
  it('is turned on, asked for at the login and turned off through the gateway; auditors see it with the client’s address', async () => {
    const begun = await call('POST /v1/me/mfa/totp', grace.accessToken);
    const secret = String(begun.body.secret);
    const { body } = await call('POST /v1/me/mfa/totp/confirm', grace.accessToken, { otp: totp(secret) });
    const [first, second] = body.recoveryCodes as string[];
    const { email, password } = grace;
    const logIn = (otp?: string) => call('POST /v1/auth/login', undefined, { email, password, ...(otp && { otp }) });
    expect(await logIn()).toMatchObject({ status: 401, body: { code: 'mfa_required' } });
    expect(await logIn('000000')).toMatchObject({ status: 401, body: { code: 'mfa_invalid' } });
    expect((await logIn(totp(secret, 1))).status).toBe(200);
    expect((await logIn(first)).status).toBe(200);
    expect(await logIn(first)).toMatchObject({ status: 401, body: { code: 'mfa_invalid' } });
    expect((await call('DELETE /v1/me/mfa/totp', grace.accessToken, { otp: second })).status).toBe(204);
    expect((await logIn()).status).toBe(200);
    const admin = await createClient({ baseUrl: fleet.gateway }).login(fleet.admin);
    const { body: me } = await call('GET /v1/me', grace.accessToken);
    const log = await call(`GET /v1/audit-log?resource=${me.id}&limit=100`, admin.accessToken);
    const entries = log.body.data as { action: string; ip?: string }[];
    expect(entries.map(({ action }) => action)).toEqual(expect.arrayContaining(['mfa.enabled', 'mfa.disabled']));
    expect(entries.every(({ ip }) => ip === '127.0.0.1')).toBe(true);
  });
});
