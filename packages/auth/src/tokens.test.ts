import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import type { Server } from '@florin/service';
import { testServer } from '@florin/service/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { authPlugin } from './auth-plugin.ts';
import { type JsonWebKeySet, staticKeys } from './keys.ts';
import { signToken, tokenTypes } from './sign-token.ts';
import { signed, signedText } from './testing/forge.ts';

const issuer = 'https://florin.dev';
const ours = generateKeyPairSync('ed25519');
const theirs = generateKeyPairSync('ed25519');
const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });

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

const forge = (header: unknown, claims: unknown, key: KeyObject = ours.privateKey) => signed(header, claims, key);

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

// Keys and signature of RFC 8037, appendix A.
describe('RFC 8037', () => {
  const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
  const [header, payload] = ['{"alg":"EdDSA"}', 'Example of Ed25519 signing'];
  const input = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc';
  const signature = 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg';

  test('A.4: the key of A.1 makes the signature', () => {
    const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
    expect(signed(header, payload, key)).toBe(`${input}.${signature}`);
    expect(signedText(input, key)).toBe(`${input}.${signature}`);
  });

  test('A.5: the public key of A.2, as a key set gives it, accepts the signature and no other', async () => {
    const pem = await staticKeys({ keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'a' }] }).find('a');
    const key = createPublicKey(String(pem));
    const bytes = Buffer.from(signature, 'base64url');
    expect(verify(null, Buffer.from(input), key, bytes)).toBe(true);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1);
    expect(verify(null, Buffer.from(input), key, bytes)).toBe(false);
  });

  test('signToken signs as A.4 does', () => {
    const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
    const token = signToken({ privateKey: key, kid: 'a', typ: 't', claims: { a: 1 } });
    expect(token).toBe(signed({ alg: 'EdDSA', typ: 't', kid: 'a' }, { a: 1 }, key));
  });
});
