import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { staticKeys } from '@florin/auth';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openResources } from '../dependencies.ts';
import {
  claimsOf,
  codeOf,
  gatewaySecret,
  startIdentity,
  type TestIdentity,
  testConfig,
} from '../testing/test-identity.ts';
import { openKeyRing } from './key-ring.ts';
import type { PublicKey } from './signing-key.ts';
import { addSigningKey, ensureSigningKey, readSigningKeys, retireSigningKeys } from './signing-key-queries.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

async function publishedKeys(): Promise<PublicKey[]> {
  return (await identity.call('GET', '/.well-known/jwks.json')).body.keys as PublicKey[];
}

function headerOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
}

function isSignedBy(token: string, { kty, crv, x }: PublicKey): boolean {
  const [head, claims, signature = ''] = token.split('.');
  const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
  return verify(null, Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'));
}

describe('GET /.well-known/jwks.json', () => {
  it('200 shows public halves only, and they verify the tokens', async () => {
    const answer = await identity.call('GET', '/.well-known/jwks.json');
    expect(answer.headers['cache-control']).toBe('public, max-age=60');
    const [key, ...more] = await publishedKeys();
    expect(more).toEqual([]);
    expect(key).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: expect.stringMatching(/^[\w-]{43}$/),
      kid: expect.stringMatching(/^[\w-]{43}$/),
      use: 'sig',
      alg: 'EdDSA',
    });
    const { tokens } = await identity.visitor();
    expect(headerOf(tokens.accessToken)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: key?.kid });
    expect(key && isSignedBy(tokens.accessToken, key)).toBe(true);
    expect(key && (await staticKeys({ keys: [key] }).find(key.kid))).toBe(
      await identity.resources.keyRing.find(key?.kid ?? ''),
    );
  });
});

describe('signing keys', () => {
  it('twenty starts at once make one key', async () => {
    const other = await startIdentity();
    try {
      await sql`delete from signing_keys`.execute(other.db);
      const { signingKeys } = other.resources.secrets;
      await Promise.all(Array.from({ length: 20 }, () => ensureSigningKey(other.db, signingKeys)));
      expect(await readSigningKeys(other.db)).toHaveLength(1);
    } finally {
      await other.close();
    }
  });

  it('a coming key is published before it signs; a retired one is neither published nor accepted', async () => {
    const { tokens, email } = await identity.visitor();
    const first = headerOf(tokens.accessToken).kid;
    const coming = await addSigningKey(
      identity.db,
      identity.resources.secrets.signingKeys,
      new Date(Date.now() + 60_000),
    );
    await identity.resources.keyRing.reload();
    expect((await publishedKeys()).map(({ kid }) => kid).sort()).toEqual([first, coming].sort());
    const before = await identity.logIn(email);
    expect(headerOf(String(before.body.accessToken)).kid).toBe(first);

    await identity.db.updateTable('signing_keys').set({ not_before: new Date() }).where('kid', '=', coming).execute();
    await identity.resources.keyRing.reload();
    const after = await identity.logIn(email);
    expect(headerOf(String(after.body.accessToken)).kid).toBe(coming);
    expect((await identity.call('GET', '/v1/me', { token: String(before.body.accessToken) })).status).toBe(200);

    await retireSigningKeys(identity.db, [String(first)]);
    await identity.resources.keyRing.reload();
    expect((await publishedKeys()).map(({ kid }) => kid)).toEqual([coming]);
    expect(await identity.resources.keyRing.find(String(first))).toBeUndefined();
  });

  it('finds a key that another process has just made, and asks the database once a second at most', async () => {
    let reads = 0;
    const { signingKeys } = identity.resources.secrets;
    const ring = await openKeyRing(() => {
      reads += 1;
      return readSigningKeys(identity.db);
    }, signingKeys);
    const made = await addSigningKey(identity.db, signingKeys, new Date(Date.now() + 60_000));
    for (let attempt = 0; attempt < 50; attempt += 1) expect(await ring.find('made-up')).toBeUndefined();
    expect(reads).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await ring.find(made)).toContain('BEGIN PUBLIC KEY');
    expect(reads).toBe(2);
  });

  it('private keys lie encrypted in the database; another KEY_ENCRYPTION_KEY refuses to start', async () => {
    const { rows } = await sql<{
      private_key: Buffer;
      public_jwk: object;
    }>`select private_key, public_jwk from signing_keys where retired_at is null`.execute(identity.db);
    // The DER prefix of every Ed25519 private key.
    for (const row of rows) {
      expect(row.private_key.includes(Buffer.from('302e020100300506032b6570', 'hex'))).toBe(false);
      expect(row.public_jwk).not.toHaveProperty('d');
    }
    await expect(openResources(identity.db, { ...testConfig, masterKey: randomBytes(32) })).rejects.toThrow(
      /^KEY_ENCRYPTION_KEY does not open the signing key [\w-]{43}$/,
    );
  });
});

describe('POST /internal/service-tokens', () => {
  const ask = (body: object) => identity.call('POST', '/internal/service-tokens', { body });

  it('200 gives a token for one audience, 300 s', async () => {
    const answer = await ask({ client: 'gateway', secret: gatewaySecret, audience: 'transactions' });
    expect(answer.body).toEqual({ token: expect.any(String), expiresIn: 300 });
    const token = String(answer.body.token);
    expect(headerOf(token)).toMatchObject({ alg: 'EdDSA', typ: 'service+jwt' });
    const claims = claimsOf(token);
    expect(claims).toMatchObject({ iss: 'https://florin.test', sub: 'service:gateway', aud: 'transactions' });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(300);
    // For transactions, so not for identity.
    expect((await identity.call('GET', '/internal/revocations', { token })).status).toBe(401);
  });

  it('401 with one body for an unknown client and a wrong secret; 400 for an unknown audience', async () => {
    const answers = [
      await ask({ client: 'nobody', secret: gatewaySecret, audience: 'identity' }),
      await ask({ client: 'gateway', secret: `${gatewaySecret}x`, audience: 'identity' }),
      await ask({ client: 'accounts', secret: gatewaySecret, audience: 'identity' }),
    ];
    expect(answers.map(codeOf)).toEqual(['invalid_credentials', 'invalid_credentials', 'invalid_credentials']);
    expect(new Set(answers.map(({ body }) => body.detail)).size).toBe(1);
    const wrong = await ask({ client: 'gateway', secret: gatewaySecret, audience: 'the-moon' });
    expect(wrong.body).toMatchObject({ status: 400, errors: [{ pointer: '/audience' }] });
  });

  it('a service token opens no user route, a user token no service route', async () => {
    const token = await identity.serviceToken('gateway', gatewaySecret);
    expect((await identity.call('GET', '/v1/me', { token })).status).toBe(403);
  });
});
