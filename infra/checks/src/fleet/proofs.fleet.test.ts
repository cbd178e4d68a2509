import { randomUUID } from 'node:crypto';
import { type Fleet, startFleet } from '@florin/testing';
import { softwareAuthenticator } from '@florin/testing/authenticator';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mailTokenTo } from './mails.ts';
import { newCustomer, newPerson } from './people.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { STEP_UP_ABOVE: 'USD:5.00' } });
});
afterAll(() => fleet?.stop());

async function call(request: string, token: string | undefined, body?: unknown, key: string = randomUUID()) {
  const [method = 'GET', path = ''] = request.split(' ');
  const response = await fetch(`${fleet.gateway}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'idempotency-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

/** As if the person had logged in an hour ago: a session of hers whose proof is as old. */
async function oldSession({ email, password }: { email: string; password: string }): Promise<string> {
  const { body } = await call('POST /v1/auth/login', undefined, { email, password });
  const client = new pg.Client({ connectionString: fleet.postgres.url });
  await client.connect();
  await client.query(
    `update identity.sessions set proven_at = now() - interval '1 hour'
     where user_id = (select id from identity.users where email = $1)`,
    [email],
  );
  await client.end();
  const refreshed = await call('POST /v1/auth/refresh', undefined, { refreshToken: body.refreshToken });
  return String(refreshed.body.accessToken);
}

describe('a passkey', () => {
  it('is made, logs in without a password, is asked for beside it, steps up and is removed, through the gateway', async () => {
    const { email, password, accessToken } = await newPerson(fleet, 'Ada');
    const browser = softwareAuthenticator({ origin: fleet.gateway.replace('127.0.0.1', 'localhost') });
    type Options = Parameters<typeof browser.create>[0] & Parameters<typeof browser.use>[0];
    const options = async (path: string, token?: string) =>
      (await call(`POST ${path}`, token)).body as unknown as Options;

    const made = browser.create(await options('/v1/me/passkeys/options', accessToken));
    const added = await call('POST /v1/me/passkeys', accessToken, { name: 'Phone', credential: made });
    expect(added).toMatchObject({ status: 201, body: { name: 'Phone', recoveryCodes: expect.any(Array) } });
    expect(await call('POST /v1/auth/login', undefined, { email, password })).toMatchObject({
      status: 401,
      body: { code: 'mfa_required', methods: ['passkey', 'recovery_code'] },
    });

    const credential = browser.use(await options('/v1/auth/passkey/options'));
    const login = await call('POST /v1/auth/passkey', undefined, { credential });
    expect(login.status).toBe(200);
    expect((await call('POST /v1/auth/passkey', undefined, { credential })).body.code).toBe('invalid_credentials');
    const token = String(login.body.accessToken);
    const passkey = browser.use(await options('/v1/auth/step-up/options', token));
    const stepped = await call('POST /v1/auth/step-up', token, { passkey });
    expect(Object.keys(stepped.body).sort()).toEqual(['accessToken', 'expiresIn', 'tokenType']);
    const removal = await call(`DELETE /v1/me/passkeys/${added.body.id}`, String(stepped.body.accessToken));
    expect(removal.status).toBe(204);
    expect((await call('POST /v1/auth/login', undefined, { email, password })).status).toBe(200);
  });
});

describe('a transfer above STEP_UP_ABOVE', () => {
  it('needs a login or step-up of lately at transactions too, and is posted under the same key after one', async () => {
    const [ada, grace] = [await newCustomer(fleet, 'Ada', '20.00'), await newCustomer(fleet, 'Grace', '1.00')];
    const order = { from: ada.account.id, to: grace.account.id, amount: '5.01', currency: 'USD' };
    expect((await call('POST /v1/transfers', ada.accessToken, order)).status).toBe(201);

    const [token, key] = [await oldSession(ada), randomUUID()];
    const needed = { status: 403, body: { code: 'step_up_required' } };
    expect((await call('POST /v1/transfers', token, { ...order, amount: '5.00' })).status).toBe(201);
    expect(await call('POST /v1/transfers', token, order, key)).toMatchObject(needed);
    expect(await call('POST /v1/api-keys', token, { name: 'x', scopes: ['transactions:write'] })).toMatchObject(needed);
    const stepped = await call('POST /v1/auth/step-up', token, { password: ada.password });
    const proven = String(stepped.body.accessToken);
    expect((await call('POST /v1/transfers', proven, order, key)).status).toBe(201);
    expect((await call('POST /v1/transfers', token, order, key)).status).toBe(201);

    const made = await call('POST /v1/api-keys', proven, { name: 'x', scopes: ['transactions:write'] });
    expect(await call('POST /v1/transfers', String(made.body.secret), order)).toMatchObject(needed);
    const { body } = await call(`GET /v1/accounts/${ada.account.id}/balance`, ada.accessToken);
    expect(body).toMatchObject({ posted: '4.98', held: '0.00' });
  });
});

describe('a new payee', () => {
  it('needs a login or step-up of lately at accounts too; an API key cannot, and may list and remove', async () => {
    const ada = await newPerson(fleet, 'Ada');
    const token = await oldSession(ada);
    const payee = { name: 'Grace', accountNumber: 'DE89 3704 0044 0532 0130 00' };
    const needed = { status: 403, body: { code: 'step_up_required' } };
    const key = randomUUID();
    expect(await call('POST /v1/payees', token, payee, key)).toMatchObject(needed);
    expect((await call('GET /v1/payees', token)).body).toEqual({ data: [], nextCursor: null });
    const stepped = await call('POST /v1/auth/step-up', token, { password: ada.password });
    const proven = String(stepped.body.accessToken);
    const added = await call('POST /v1/payees', proven, payee, key);
    expect(added).toMatchObject({ status: 201, body: { name: 'Grace', accountNumber: 'DE89370400440532013000' } });
    expect(await call('POST /v1/payees', proven, payee, key)).toEqual(added);
    expect(await call('POST /v1/payees', token, payee, key)).toMatchObject(needed);

    const scopes = ['accounts:read', 'accounts:write'];
    const made = await call('POST /v1/api-keys', proven, { name: 'x', scopes });
    const program = String(made.body.secret);
    const other = { name: 'Joan', accountNumber: 'NL91ABNA0417164300' };
    expect(await call('POST /v1/payees', program, other)).toMatchObject(needed);
    expect((await call('GET /v1/payees', program)).body.data).toEqual([added.body]);
    expect((await call(`DELETE /v1/payees/${added.body.id}`, program)).status).toBe(204);
    expect((await call(`DELETE /v1/payees/${added.body.id}`, token)).body.code).toBe('not_found');
  });
});

describe('another email address', () => {
  it('is taken after a mail to it was answered, and from then on the only one to log in with', async () => {
    const { email, password, accessToken } = await newPerson(fleet, 'Grace');
    const address = `grace-${randomUUID()}@example.org`;
    expect((await call('POST /v1/me/email', accessToken, { email: address })).status).toBe(202);
    const token = await mailTokenTo(fleet, address);
    expect((await call('POST /v1/me/email/confirm', accessToken, { token })).status).toBe(204);
    expect((await call('GET /v1/me', accessToken)).body).toMatchObject({ email: address, emailVerified: true });
    expect((await call('POST /v1/auth/login', undefined, { email: address, password })).status).toBe(200);
    expect((await call('POST /v1/auth/login', undefined, { email, password })).status).toBe(401);
  });
});
