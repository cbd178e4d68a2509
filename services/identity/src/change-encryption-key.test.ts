import { randomBytes, randomUUID } from 'node:crypto';
import { seal } from '@florin/database';
import { createLogger } from '@florin/telemetry';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildApp } from './app.ts';
import { changeEncryptionKey } from './change-encryption-key.ts';
import { openResources } from './dependencies.ts';
import { deriveSecrets } from './secrets.ts';
import { makeKey } from './testing/api-keys.ts';
import { codeAt, forgetUsedCodes, guardedVisitor } from './testing/second-factor.ts';
import { claimsOf, password, startIdentity, type TestIdentity, testConfig } from './testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const json = { 'content-type': 'application/json' };

it('signing keys, second factors and kept secrets open with the new key; with a wrong old key nothing changes', async () => {
  const guarded = await guardedVisitor(identity);
  const headers = { 'idempotency-key': randomUUID() };
  const token = guarded.tokens.accessToken;
  const made = await makeKey(identity, token, {}, headers);
  // As the answer to a new passkey is kept.
  const kept = seal(identity.resources.secrets.keptAnswers, 'passkey usr_1 k', Buffer.from('{}')).toString('base64');
  const row = { caller: 'usr_1', key: 'k', fingerprint: Buffer.alloc(32), status: 201, body: JSON.stringify(kept) };
  await identity.db.insertInto('idempotency_keys').values(row).execute();
  const masterKey = randomBytes(32);
  const change = { from: identity.resources.secrets, to: deriveSecrets(masterKey) };

  const wrong = changeEncryptionKey(identity.db, { ...change, from: deriveSecrets(randomBytes(32)) });
  await expect(wrong).rejects.toThrow('KEY_ENCRYPTION_KEY_PREVIOUS does not open');
  expect((await openResources(identity.db, testConfig)).keyRing.publicKeys()).toHaveLength(1);

  expect(await changeEncryptionKey(identity.db, change)).toEqual({ signingKeys: 1, secondFactors: 1, keptAnswers: 2 });
  await expect(openResources(identity.db, testConfig)).rejects.toThrow('KEY_ENCRYPTION_KEY does not open');
  const resources = await openResources(identity.db, { ...testConfig, masterKey });
  const app = buildApp({ ...resources, logger: createLogger({ service: 'identity', level: 'silent' }) });
  try {
    await forgetUsedCodes(identity);
    const credentials = { email: guarded.email, password, otp: codeAt(guarded.secret) };
    const login = await app.inject({ method: 'POST', url: '/v1/auth/login', headers: json, body: credentials });
    expect(claimsOf(login.json().accessToken).sub).toBe(guarded.id);
    // The access token from before is still good: the same keys.
    const order = { name: 'A program', scopes: ['accounts:read'] };
    const authorization = `Bearer ${token}`;
    const replay = await app.inject({
      method: 'POST',
      url: '/v1/api-keys',
      headers: { ...json, ...headers, authorization },
      body: order,
    });
    expect(replay.json()).toEqual(made.body);
    const refreshed = { refreshToken: guarded.tokens.refreshToken };
    const refresh = await app.inject({ method: 'POST', url: '/v1/auth/refresh', headers: json, body: refreshed });
    expect(refresh.statusCode).toBe(401);
  } finally {
    await app.close();
  }
});
