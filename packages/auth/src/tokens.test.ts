import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Server } from '@florin/service';
import { testServer } from '@florin/service/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { authPlugin } from './auth-plugin.ts';
import { type JsonWebKeySet, staticKeys } from './keys.ts';
import { signToken, tokenTypes } from './sign-token.ts';

const issuer = 'https://florin.dev';
const ours = generateKeyPairSync('ed25519');
const theirs = generateKeyPairSync('ed25519');
const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = ours.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const { x = '' } = ours.publicKey.export({ format: 'jwk' });
const jwks: JsonWebKeySet = { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'k1' }] };
const now = () => Math.floor(Date.now() / 1000);

type Fields = Record<string, unknown>;
const userHeader = { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' };
const userClaims = (): Fields => ({
  iss: issuer,
  aud: 'florin',
  sub: 'usr_01h455vb4pex5vsknk084sn02q',
  sid: 'ses_01h455vb4pex5vsknk084sn02q',
  roles: ['customer'],
  scope: 'accounts:read',
  iat: now(),
  exp: now() + 600,
  jti: 'a',
});
const serviceHeader = { alg: 'EdDSA', typ: 'service+jwt', kid: 'k1' };
const serviceClaims = (): Fields => ({
  iss: issuer,
  aud: 'accounts',
  sub: 'service:gateway',
  iat: now(),
  exp: now() + 600,
});

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token with any header and claims, signed with any key in the way EdDSA or ES256 would. */
function forge(header: unknown, claims: unknown, key: KeyObject = ours.privateKey): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const ed25519 = key.asymmetricKeyType === 'ed25519';
  const signature = sign(ed25519 ? null : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function hmac(header: Fields, claims: Fields, secret: string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const without = (fields: Fields, name: string) =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

let app: Server;

beforeAll(async () => {
  app = testServer();
  authPlugin(app, { keys: staticKeys(jwks), issuer, serviceName: 'accounts' });
  app.get('/user', { config: { access: {} } }, async ({ principal }) => principal);
  app.get('/service', { config: { access: { services: ['gateway'] } } }, async ({ principal }) => principal);
  await app.ready();
});
afterAll(() => app.close());

const call = (url: string, authorization?: string) =>
  app.inject({ url, headers: authorization === undefined ? {} : { authorization } });

describe('good tokens', () => {
  test('a user token names the user', async () => {
    const response = await call('/user', `Bearer ${forge(userHeader, userClaims())}`);
    expect(response.json()).toEqual({
      kind: 'user',
      id: 'usr_01h455vb4pex5vsknk084sn02q',
      userId: '01890a5d-ac96-774b-bcce-b302099a8057',
      sessionId: 'ses_01h455vb4pex5vsknk084sn02q',
      roles: ['customer'],
      scopes: ['accounts:read'],
    });
  });

  test('a service token names the service', async () => {
    const response = await call('/service', `Bearer ${forge(serviceHeader, serviceClaims())}`);
    expect(response.json()).toEqual({ kind: 'service', name: 'gateway' });
  });

  test('signToken makes such tokens', async () => {
    const token = signToken({ privateKey: ours.privateKey, kid: 'k1', typ: tokenTypes.user, claims: userClaims() });
    expect(token).toBe(
      forge(
        { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' },
        JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()),
      ),
    );
    expect((await call('/user', `bearer ${token}`)).statusCode).toBe(200);
    expect(() => signToken({ privateKey: ecdsa.privateKey, kid: 'k1', typ: 'x', claims: {} })).toThrow(TypeError);
  });

  test('unknown roles and scopes give nothing', async () => {
    const claims = { ...userClaims(), roles: ['customer', 'root'], scope: 'accounts:read everything' };
    const response = await call('/user', `Bearer ${forge(userHeader, claims)}`);
    expect(response.json()).toMatchObject({ roles: ['customer'], scopes: ['accounts:read'] });
  });
});

const attacks: [string, () => string | undefined][] = [
  ['no header', () => undefined],
  ['an empty header', () => ''],
  ['another scheme', () => `Basic ${forge(userHeader, userClaims())}`],
  ['no token', () => 'Bearer '],
  ['two tokens', () => `Bearer ${forge(userHeader, userClaims())} ${forge(userHeader, userClaims())}`],
  ['a token in a list', () => `Bearer ${forge(userHeader, userClaims())}, Basic abc`],
  ['garbage', () => 'Bearer a.b.c'],
  ['an API key', () => 'Bearer flk_abc'],
  ['four parts', () => `Bearer ${forge(userHeader, userClaims())}.a`],
  ['a very long token', () => `Bearer ${forge(userHeader, { ...userClaims(), pad: 'x'.repeat(9000) })}`],
  ['alg none without signature', () => `Bearer ${encode({ ...userHeader, alg: 'none' })}.${encode(userClaims())}.`],
  ['alg none with a signature', () => `Bearer ${forge({ ...userHeader, alg: 'none' }, userClaims())}`],
  ['alg NoNe', () => `Bearer ${forge({ ...userHeader, alg: 'NoNe' }, userClaims())}`],
  ['HS256 with the public key as secret', () => `Bearer ${hmac({ ...userHeader, alg: 'HS256' }, userClaims(), pem)}`],
  [
    'HS256 with the public key, trimmed',
    () => `Bearer ${hmac({ ...userHeader, alg: 'HS256' }, userClaims(), pem.trim())}`,
  ],
  ['HS256 with x as secret', () => `Bearer ${hmac({ ...userHeader, alg: 'HS256' }, userClaims(), x)}`],
  ['ES256', () => `Bearer ${forge({ ...userHeader, alg: 'ES256' }, userClaims(), ecdsa.privateKey)}`],
  ['no alg', () => `Bearer ${forge(without(userHeader, 'alg'), userClaims())}`],
  ['a foreign key', () => `Bearer ${forge(userHeader, userClaims(), theirs.privateKey)}`],
  ['an unknown kid', () => `Bearer ${forge({ ...userHeader, kid: 'k2' }, userClaims())}`],
  ['a kid that is a path', () => `Bearer ${forge({ ...userHeader, kid: '../../dev/null' }, userClaims())}`],
  [
    'a kid that is __proto__',
    () => `Bearer ${forge(JSON.stringify(userHeader).replace('k1', '__proto__'), userClaims())}`,
  ],
  ['a kid that is a number', () => `Bearer ${forge({ ...userHeader, kid: 1 }, userClaims())}`],
  ['no kid', () => `Bearer ${forge(without(userHeader, 'kid'), userClaims())}`],
  [
    'a key of its own (jwk)',
    () => {
      const jwk = theirs.publicKey.export({ format: 'jwk' });
      return `Bearer ${forge({ ...userHeader, jwk }, userClaims(), theirs.privateKey)}`;
    },
  ],
  [
    'a key of its own (jku)',
    () => `Bearer ${forge({ ...userHeader, jku: 'http://127.0.0.1:9/jwks' }, userClaims(), theirs.privateKey)}`,
  ],
  ['a critical extension', () => `Bearer ${forge({ ...userHeader, crit: ['b64'], b64: false }, userClaims())}`],
  [
    'a changed claim',
    () => {
      const [head, , signature] = forge(userHeader, userClaims()).split('.');
      return `Bearer ${head}.${encode({ ...userClaims(), roles: ['admin'] })}.${signature}`;
    },
  ],
  ['a cut signature', () => `Bearer ${forge(userHeader, userClaims()).slice(0, -2)}`],
  ['no typ', () => `Bearer ${forge(without(userHeader, 'typ'), userClaims())}`],
  ['typ JWT', () => `Bearer ${forge({ ...userHeader, typ: 'JWT' }, userClaims())}`],
  ['typ as a list', () => `Bearer ${forge({ ...userHeader, typ: ['at+jwt'] }, userClaims())}`],
  ['user claims as a service token', () => `Bearer ${forge(serviceHeader, userClaims())}`],
  ['service claims as a user token', () => `Bearer ${forge(userHeader, { ...serviceClaims(), aud: 'florin' })}`],
  [
    'a service token for another service',
    () => `Bearer ${forge(serviceHeader, { ...serviceClaims(), aud: 'transactions' })}`,
  ],
  ['a service that is none', () => `Bearer ${forge(serviceHeader, { ...serviceClaims(), sub: 'gateway' })}`],
  ['claims that are a list', () => `Bearer ${forge(userHeader, [])}`],
  ['claims that are null', () => `Bearer ${forge(userHeader, null)}`],
  ['claims that are no JSON', () => `Bearer ${forge(userHeader, '{')}`],
  ['a header that is null', () => `Bearer ${forge(null, userClaims())}`],
  ...['iss', 'aud', 'sub', 'sid', 'iat', 'exp', 'roles', 'scope'].map((name): [string, () => string] => [
    `no ${name}`,
    () => `Bearer ${forge(userHeader, without(userClaims(), name))}`,
  ]),
  ...(
    [
      ['iss', 'https://evil.dev'],
      ['iss', [issuer]],
      ['iss', `${issuer}/`],
      ['aud', 'accounts'],
      ['aud', ['other']],
      ['aud', { florin: true }],
      ['sub', 'ses_01h455vb4pex5vsknk084sn02q'],
      ['sub', 'usr_1'],
      ['sub', 7],
      ['sub', ''],
      ['sid', 'x'],
      ['exp', String(now() + 600)],
      ['exp', null],
      ['exp', true],
      ['exp', [now() + 600]],
      ['iat', 'yesterday'],
      ['nbf', now() + 600],
      ['nbf', 'tomorrow'],
      ['roles', 'admin'],
      ['roles', [{ name: 'admin' }]],
      ['scope', ['accounts:read']],
    ] as const
  ).map(([name, value]): [string, () => string] => [
    `${name} ${JSON.stringify(value)}`,
    () => `Bearer ${forge(userHeader, { ...userClaims(), [name]: value })}`,
  ]),
];

describe('attacks are 401 unauthenticated with one body', () => {
  test.each(attacks)('%s', async (_name, authorization) => {
    for (const url of ['/user', '/service']) {
      const response = await call(url, authorization());
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect({ ...response.json(), traceId: '' }).toEqual({
        type: 'https://florin.dev/problems/unauthenticated',
        title: 'Unauthenticated',
        status: 401,
        code: 'unauthenticated',
        detail: 'A valid access token is needed.',
        instance: url,
        traceId: '',
      });
    }
  });
});

describe('time', () => {
  test.each([
    ['expired beyond the tolerance', -6, 401],
    ['expired within the tolerance', -3, 200],
    ['fresh', 1, 200],
  ])('%s', async (_name, seconds, status) => {
    const response = await call('/user', `Bearer ${forge(userHeader, { ...userClaims(), exp: now() + seconds })}`);
    expect(response.statusCode).toBe(status);
    if (status === 401) expect(response.json().code).toBe('token_expired');
  });

  test('an expired token of a foreign key is unauthenticated, not token_expired', async () => {
    const claims = { ...userClaims(), exp: now() - 60 };
    const response = await call('/user', `Bearer ${forge(userHeader, claims, theirs.privateKey)}`);
    expect(response.json().code).toBe('unauthenticated');
  });

  test('a token that was accepted, and is cached, still expires', async () => {
    const token = forge(userHeader, userClaims());
    expect((await call('/user', `Bearer ${token}`)).statusCode).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 606_000 });
    try {
      expect((await call('/user', `Bearer ${token}`)).json().code).toBe('token_expired');
    } finally {
      vi.useRealTimers();
    }
  });
});
