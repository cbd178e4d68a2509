import { setTimeout as wait } from 'node:timers/promises';
import { authPlugin, remoteKeys } from '@florin/auth';
import { testServer } from '@florin/service/testing';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { repeat } from '../repeat.ts';
import { gatewaySecret, startIdentity, type TestIdentity } from '../testing/test-identity.ts';
import { issueServiceToken } from './issue-service-token.ts';
import { revokeSigningKeys, rotateSigningKey } from './rotate-signing-keys.ts';

let identity: TestIdentity;
let jwks: string;
beforeAll(async () => {
  identity = await startIdentity();
  jwks = `${await identity.app.listen({ host: '127.0.0.1', port: 0 })}/.well-known/jwks.json`;
});
afterAll(() => identity.close());

interface Setting {
  /** How long a key is published before it signs, and how often a verifier reads the keys. */
  leadMs: number;
  pollMs: number;
}

const never = 60_000;

/** Another service that reads the keys from identity, on schedule alone. */
async function startVerifier(pollMs: number) {
  const keys = remoteKeys({ url: jwks, pollMs, refetchMs: never });
  const app = testServer();
  authPlugin(app, { keys, issuer: 'https://florin.test', serviceName: 'accounts' });
  app.get('/', { config: { access: { services: ['gateway'] } } }, async () => ({}));
  await app.ready();
  onTestFinished(async () => {
    keys.close();
    await app.close();
  });
  return async (token: string) =>
    (await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })).statusCode;
}

function newToken(): string {
  const request = { client: 'gateway', secret: gatewaySecret, audience: 'accounts' } as const;
  return issueServiceToken(identity.resources, request).token;
}

/** Statuses of requests with tokens made just before them while the keys rotate, until the new key has signed for a while. */
async function statusesDuringRotation({ leadMs, pollMs }: Setting): Promise<number[]> {
  const { keyRing, secrets } = identity.resources;
  const call = await startVerifier(pollMs);
  const loading = repeat(keyRing.reload, 20, () => undefined);
  const statuses = [await call(newToken())];
  const old = keyRing.signer().kid;
  await rotateSigningKey({ db: identity.db, sealingKey: secrets.signingKeys }, { leadMs });
  let after = 0;
  while (after < 20) {
    statuses.push(await call(newToken()));
    if (keyRing.signer().kid !== old) after += 1;
    await wait(5);
  }
  await loading.close();
  return statuses;
}

it('no request fails when keys are published for longer than verifiers take to read them', async () => {
  const statuses = await statusesDuringRotation({ leadMs: 1_500, pollMs: 50 });
  expect(new Set(statuses)).toEqual(new Set([200]));
});

it.each<[string, Setting]>([
  ['a key that signs at once', { leadMs: 0, pollMs: 2_000 }],
  ['a verifier that never reads the keys again', { leadMs: 200, pollMs: never }],
])('control: %s costs requests', async (_name, setting) => {
  expect(await statusesDuringRotation(setting)).toContain(401);
});

it('a revoked key is refused by other services as soon as they have read the keys, a token verified before included', async () => {
  const call = await startVerifier(50);
  const token = newToken();
  expect(await call(token)).toBe(200);
  await revokeSigningKeys({ db: identity.db, sealingKey: identity.resources.secrets.signingKeys }, []);
  await identity.resources.keyRing.reload();
  while ((await call(token)) === 200) await wait(10);
  expect(await call(token)).toBe(401);
  expect(await call(newToken())).toBe(200);
});
