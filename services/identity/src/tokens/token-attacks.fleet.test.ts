import { createPublicKey, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Fields, type Forgery, signed, tokenAttacks } from '@florin/auth/attacks';
import { createDatabase, createPool } from '@florin/database';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSecrets } from '../secrets.ts';
import type { Tables } from '../tables.ts';
import { openSigningKey } from './signing-key.ts';
import { readSigningKeys } from './signing-key-queries.ts';

let fleet: Fleet;
let forgery: Forgery;
let token: string;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { FLORIN_RATE_LIMITS: 'off' } });
  ({ accessToken: token } = await newPerson());
  forgery = await stolenKey();
});
afterAll(() => fleet?.stop());

/** The gateway, a service behind it, and identity itself, with a route of theirs that wants a user. */
const targets = [
  ['gateway', '/v1/accounts'],
  ['accounts', '/v1/accounts'],
  ['transactions', '/v1/transactions'],
  ['identity', '/v1/me'],
] as const;

const urlOf = (target: string, path: string) =>
  `${target === 'gateway' ? fleet.gateway : fleet.process(target).url}${path}`;

async function post(path: string, body: object, authorization?: string): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
  const response = await fetch(`${fleet.gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.status === 204 ? {} : ((await response.json()) as Record<string, string>);
}

async function newPerson() {
  const credentials = { email: `${randomUUID()}@example.com`, password: `${randomUUID()} is long enough` };
  const { id = '' } = await post('/v1/auth/register', { ...credentials, name: 'Ada' });
  const { accessToken = '', refreshToken = '' } = await post('/v1/auth/login', credentials);
  return { id, accessToken, refreshToken };
}

const claimsOf = (jws: string): Fields => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());

/** What somebody has who took the database and KEY_ENCRYPTION_KEY: he can sign anything. */
async function stolenKey(): Promise<Forgery> {
  const { 'identity.keys': masterKey } = JSON.parse(readFileSync(join(fleet.home, 'secrets.json'), 'utf8'));
  const db = createDatabase<Tables>(
    createPool({ url: fleet.postgres.url, schema: 'identity', applicationName: 'token-attacks', max: 1 }),
  );
  const [key] = await readSigningKeys(db).finally(() => db.destroy());
  if (key === undefined) throw new Error('the fleet has no signing key');
  const privateKey = openSigningKey(deriveSecrets(Buffer.from(masterKey, 'base64')).signingKeys, key.kid, key.sealed);
  const times = () => ({ iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 600 });
  const issuer = 'https://florin.dev';
  return {
    issuer,
    kid: key.kid,
    privateKey,
    publicKey: createPublicKey(privateKey),
    userClaims: () => ({ ...claimsOf(token), ...times() }),
    serviceClaims: () => ({ iss: issuer, aud: 'gateway', sub: 'service:gateway', ...times() }),
  };
}

const bearer = (jws: string) => ({ authorization: `Bearer ${jws}` });

/** Status and body, the body without what differs from request to request. */
async function ask(url: string, headers: Record<string, string>) {
  const response = await fetch(url, { headers });
  const { traceId: _traceId, instance: _instance, ...body } = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body };
}

const refusals = {
  unauthenticated: {
    type: 'https://florin.dev/problems/unauthenticated',
    title: 'Unauthenticated',
    status: 401,
    code: 'unauthenticated',
    detail: 'A valid access token is needed.',
  },
  token_expired: {
    type: 'https://florin.dev/problems/token-expired',
    title: 'Token expired',
    status: 401,
    code: 'token_expired',
    detail: 'The access token has expired.',
  },
};
const refused = { status: 401, body: refusals.unauthenticated };

describe.each(targets)('at %s', (target, path) => {
  const sign = (typ: string, claims: Fields) =>
    signed({ alg: 'EdDSA', typ, kid: forgery.kid }, claims, forgery.privateKey);

  it('every attack is 401 with one body', async () => {
    const aimed = { ...forgery, serviceClaims: () => ({ ...forgery.serviceClaims(), aud: target }) };
    const attacks = tokenAttacks(aimed);
    expect(attacks.length).toBeGreaterThan(200);
    const wrong: unknown[] = [];
    for (const { name, authorization, code = 'unauthenticated' } of attacks) {
      const answer = await ask(urlOf(target, path), authorization === undefined ? {} : { authorization });
      const isRight = answer.status === 401 && JSON.stringify(answer.body) === JSON.stringify(refusals[code]);
      if (!isRight) wrong.push({ name, ...answer });
    }
    expect(wrong).toEqual([]);
  });

  it('the same key and claims without a fault get in: the table tests what it says', async () => {
    const { userClaims } = forgery;
    expect((await ask(urlOf(target, path), bearer(sign('at+jwt', userClaims())))).status).toBe(200);
    expect((await ask(urlOf(target, path), { authorization: `bearer ${token}` })).status).toBe(200);
  });

  it('a token counts in its header alone', async () => {
    const query = await ask(urlOf(target, `${path}?access_token=${token}&token=${token}`), {});
    expect(query).toEqual(refused);
    const cookie = `token=${token}; access_token=${token}; Authorization=Bearer ${token}`;
    expect(await ask(urlOf(target, path), { cookie })).toEqual(refused);
    const others = {
      'x-authorization': `Bearer ${token}`,
      'proxy-authorization': `Bearer ${token}`,
      'x-access-token': token,
    };
    expect(await ask(urlOf(target, path), others)).toEqual(refused);
  });

  it('a service is no user: 403 here, 401 elsewhere', async () => {
    const service = (aud: string) => bearer(sign('service+jwt', { ...forgery.serviceClaims(), aud }));
    expect((await ask(urlOf(target, path), service(target))).body).toMatchObject({ status: 403, code: 'forbidden' });
    const other = target === 'accounts' ? 'transactions' : 'accounts';
    expect(await ask(urlOf(target, path), service(other))).toEqual(refused);
  });
});

it('a user is no service: 403 on internal routes, which the gateway does not have', async () => {
  for (const [target, path] of [
    ['identity', '/internal/revocations'],
    ['transactions', '/internal/ledger-accounts/acc_01h455vb4pex5vsknk084sn02q'],
  ] as const) {
    const method = target === 'transactions' ? 'PUT' : 'GET';
    const response = await fetch(urlOf(target, path), { method, headers: bearer(token) });
    expect([target, response.status]).toEqual([target, 403]);
    expect((await fetch(`${fleet.gateway}${path}`, { method, headers: bearer(token) })).status).toBe(404);
  }
});

it('two Authorization headers, and headers beyond all bounds, are refused before anybody reads them', async () => {
  const raw = async (...lines: string[]) => {
    const socket = connect(Number(new URL(fleet.gateway).port), '127.0.0.1');
    socket.end(['GET /v1/accounts HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n'));
    return await text(socket);
  };
  const twice = await raw(`Authorization: Bearer ${token}`, 'Authorization: Bearer a.b.c');
  expect(twice).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"validation_failed"/);
  const huge = await raw(`Authorization: Bearer ${'a'.repeat(40_000)}`);
  expect(huge).toMatch(/^HTTP\/1\.1 (400|431) /);
});

describe('good tokens whose time is over', () => {
  const atGateway = async (jws: string) => await ask(urlOf('gateway', '/v1/accounts'), bearer(jws));
  const waits = { timeoutMs: 10_000 };

  it('a refresh token is no access token', async () => {
    expect(await atGateway((await newPerson()).refreshToken)).toEqual(refused);
  });

  it('the session has ended', async () => {
    const { accessToken } = await newPerson();
    expect((await atGateway(accessToken)).status).toBe(200);
    await post('/v1/auth/logout', {}, `Bearer ${accessToken}`);
    await eventually(async () => expect(await atGateway(accessToken)).toEqual(refused), waits);
    expect(await ask(urlOf('identity', '/v1/me'), bearer(accessToken))).toEqual(refused);
  });

  it('the user was disabled', async () => {
    const { id, accessToken } = await newPerson();
    expect((await atGateway(accessToken)).status).toBe(200);
    const admin = await post('/v1/auth/login', fleet.admin);
    const response = await fetch(`${fleet.gateway}/v1/users/${id}`, {
      method: 'PATCH',
      headers: { ...bearer(admin.accessToken ?? ''), 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'disabled' }),
    });
    expect(response.status).toBe(200);
    await eventually(async () => expect(await atGateway(accessToken)).toEqual(refused), waits);
  });

  it('the API key was revoked; its tokens are good for its own scopes only until then', async () => {
    const { accessToken } = await newPerson();
    const headers = bearer(accessToken);
    const order = { name: 'A program', scopes: ['accounts:read'] };
    const { id, secret = '' } = await post('/v1/api-keys', order, headers.authorization);
    expect((await atGateway(secret)).status).toBe(200);
    // What the gateway got for the key, as far as a thief of the signing key knows.
    const claims = { ...claimsOf(accessToken), sid: id, scope: 'accounts:read' };
    const exchanged = signed({ alg: 'EdDSA', typ: 'at+jwt', kid: forgery.kid }, claims, forgery.privateKey);
    expect((await ask(urlOf('transactions', '/v1/transactions'), bearer(exchanged))).body).toMatchObject({
      code: 'insufficient_scope',
    });
    expect((await ask(urlOf('gateway', '/v1/me/sessions'), bearer(exchanged))).body).toMatchObject({
      code: 'forbidden',
    });
    expect((await fetch(`${fleet.gateway}/v1/api-keys/${id}`, { method: 'DELETE', headers })).status).toBe(204);
    for (const shown of [secret, exchanged]) {
      await eventually(async () => expect(await atGateway(shown)).toEqual(refused), waits);
    }
  });
});
