import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import jwt from '@fastify/jwt';
import type { Server } from '@florin/service';
import { testServer } from '@florin/service/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authPlugin } from './auth-plugin.ts';
import { staticKeys } from './keys.ts';
import { type Fields, type Forgery, signed, tokenAttacks } from './testing/token-attacks.ts';

const ours = generateKeyPairSync('ed25519');
const { x = '' } = ours.publicKey.export({ format: 'jwk' });
const now = () => Math.floor(Date.now() / 1000);
const times = () => ({ iat: now(), exp: now() + 600 });
const issuer = 'https://florin.dev';
const ids = { sub: 'usr_01h455vb4pex5vsknk084sn02q', sid: 'ses_01h455vb4pex5vsknk084sn02q' };
const forgery: Forgery = {
  issuer,
  kid: 'k1',
  ...ours,
  userClaims: (): Fields => ({
    iss: issuer,
    aud: 'florin',
    ...ids,
    roles: ['customer'],
    scope: 'accounts:read',
    ...times(),
  }),
  serviceClaims: (): Fields => ({ iss: issuer, aud: 'accounts', sub: 'service:gateway', ...times() }),
};
const attacks = tokenAttacks(forgery);

let app: Server;
/** The library as it comes: the key, and nothing pinned. */
let unpinned: Server;

beforeAll(async () => {
  app = testServer();
  const keys = staticKeys({ keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'k1' }] });
  authPlugin(app, { keys, issuer, serviceName: 'accounts' });
  app.get('/user', { config: { access: {} } }, async ({ principal }) => principal);
  app.get('/service', { config: { access: { services: ['gateway'] } } }, async ({ principal }) => principal);
  unpinned = testServer();
  const pem = ours.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  unpinned.register(jwt, { secret: { public: pem } });
  unpinned.get('/user', async (request) => await request.jwtVerify());
  await Promise.all([app.ready(), unpinned.ready()]);
});
afterAll(() => Promise.all([app.close(), unpinned.close()]));

const headers = (authorization: string | undefined) => (authorization === undefined ? {} : { authorization });

test('the tokens that the cases start from are good', async () => {
  const header = { alg: 'EdDSA', kid: 'k1' };
  const user = signed({ ...header, typ: 'at+jwt' }, forgery.userClaims(), ours.privateKey);
  const service = signed({ ...header, typ: 'service+jwt' }, forgery.serviceClaims(), ours.privateKey);
  const call = (url: string, token: string) => app.inject({ url, headers: headers(`Bearer ${token}`) });
  expect((await call('/user', user)).statusCode).toBe(200);
  expect((await call('/service', service)).statusCode).toBe(200);
});

describe('attacks are 401 with one body', () => {
  test.each(attacks)('$name', async ({ authorization, code = 'unauthenticated' }) => {
    for (const url of ['/user', '/service']) {
      const response = await app.inject({ url, headers: headers(authorization) });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect({ ...response.json(), traceId: '' }).toEqual({
        type: `https://florin.dev/problems/${code.replace('_', '-')}`,
        title: code === 'token_expired' ? 'Token expired' : 'Unauthenticated',
        status: 401,
        code,
        detail: code === 'token_expired' ? 'The access token has expired.' : 'A valid access token is needed.',
        instance: url,
        traceId: '',
      });
    }
  });
});

describe('control: verifiers without the pins fail the table', () => {
  test('the library as it comes lets tokens of other issuers, audiences, types and lives in', async () => {
    const accepted: string[] = [];
    for (const { name, authorization } of attacks) {
      const { statusCode } = await unpinned.inject({ url: '/user', headers: headers(authorization) });
      if (statusCode === 200) accepted.push(name);
    }
    expect(accepted).toEqual(
      expect.arrayContaining([
        'iss "https://evil.dev"',
        'aud "accounts"',
        'typ "id+jwt"',
        'no exp',
        'exp 4102444800',
        'crit null',
        'sub given twice',
        'a signature in another spelling',
        'a service token for another service',
        'service claims as a user token',
      ]),
    );
    expect(accepted.length).toBeGreaterThan(40);
  });

  test('a verifier that believes the header lets unsigned tokens and keys of the attacker in', () => {
    const accepted = attacks.filter(({ authorization = '' }) => believes(authorization)).map(({ name }) => name);
    expect(accepted).toEqual(
      expect.arrayContaining(['alg none, no signature', 'alg None, no signature', 'a key of its own (jwk)']),
    );
  });
});

/** What a careless verifier does: takes algorithm and key from the token. */
function believes(authorization: string): boolean {
  const [header = '', claims, signature = ''] = authorization.replace('Bearer ', '').split('.');
  try {
    const { alg, jwk } = JSON.parse(Buffer.from(header, 'base64url').toString());
    if (String(alg).toLowerCase() === 'none') return true;
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return verify(null, Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
