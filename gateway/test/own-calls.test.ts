import { newApiKeySecret } from '@florin/auth';
import { testIssuer } from '@florin/auth/testing';
import { formatId, newUuid } from '@florin/service';
import { eventually } from '@florin/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { apiKeys } from '../src/api-keys/api-keys.ts';
import { readEnv, toConfig } from '../src/config.ts';
import { openDependencies } from '../src/dependencies.ts';
import { anyInstance } from '../src/proxy/any-instance.ts';
import { RevokedSessions } from '../src/revoked-sessions.ts';
import { answerJson, deadUrl, startUpstream, type TestUpstream } from './harness.ts';

const issuer = testIssuer();
const kid = issuer.jwks.keys[0]?.kid ?? '';
const revokedSession = formatId('ses', newUuid());
const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString();

/** What an identity answers to the gateway's own calls, by path. */
const answers: Record<string, () => object> = {
  '/.well-known/jwks.json': () => issuer.jwks,
  '/internal/service-tokens': () => ({ token: issuer.serviceToken('gateway', 'identity'), expiresIn: 300 }),
  '/internal/revocations': () => ({
    data: [{ session: revokedSession, expiresAt: inTenMinutes() }],
    asOf: new Date().toISOString(),
  }),
  '/internal/api-keys/exchange': () => ({
    token: issuer.userToken(),
    expiresIn: 60,
    key: { id: formatId('key', newUuid()), ipBound: false },
  }),
};

async function startIdentity(): Promise<TestUpstream> {
  const identity = await startUpstream();
  identity.answer = ({ url }, response) => {
    const answer = answers[url.split('?', 1)[0] ?? ''];
    answerJson(response, answer ? 200 : 404, answer?.() ?? {});
  };
  return identity;
}

async function open(...identities: string[]) {
  const env = { IDENTITY_URL: identities.join(','), SERVICE_CLIENT_SECRET: 'a secret', LOG_LEVEL: 'silent' };
  const dependencies = await openDependencies(toConfig(readEnv(env)));
  onTestFinished(dependencies.close);
  return dependencies;
}

/** The three calls: the keys, the revoked sessions, and the exchange of an API key, which takes a service token. */
async function expectAllToWork({ keys, revoked, apiKeys: held }: Awaited<ReturnType<typeof open>>): Promise<void> {
  expect(await keys.find(kid)).toContain('BEGIN PUBLIC KEY');
  await eventually(() => expect(revoked.has(revokedSession)).toBe(true), { timeoutMs: 5_000 });
  expect(await held.tokenFor(newApiKeySecret(), '192.0.2.1')).toMatch(/^ey/);
}

describe('the gateway’s own calls to identity', () => {
  test.each([0, 1, 2])('reach whichever process is there: number %i of three', async (place) => {
    const urls = [await deadUrl(), await deadUrl(), await deadUrl()];
    const identity = await startIdentity();
    urls[place] = identity.url;
    await expectAllToWork(await open(...urls));
  });

  test('leave a process that answers 5xx, and one that is stopped while they go on', async () => {
    const [first, second] = [await startIdentity(), await startIdentity()];
    const gateway = await open(first.url, second.url);
    await expectAllToWork(gateway);
    const working = first.answer;
    first.answer = (_request, response) => answerJson(response, 503, {});
    expect(await gateway.apiKeys.tokenFor(newApiKeySecret(), '192.0.2.1')).toMatch(/^ey/);
    first.answer = working;
    await second.stop();
    expect(await gateway.apiKeys.tokenFor(newApiKeySecret(), '192.0.2.1')).toMatch(/^ey/);
  });

  test('a process that hangs costs what is under way there; later calls go to the other', async () => {
    const [first, second] = [await startIdentity(), await startIdentity()];
    for (const identity of [first, second]) identity.answer = () => undefined;
    const ask = anyInstance([first.url, second.url]);
    const hangs = ask(new URL('http://identity/a'), { signal: AbortSignal.timeout(200) });
    await expect(hangs).rejects.toThrow();
    const asked = first.arrived.length > 0 ? first : second;
    const other = asked === first ? second : first;
    expect(other.arrived).toEqual([]);
    other.answer = (_request, response) => answerJson(response, 200, {});
    expect((await ask(new URL('http://identity/b?c=d'), { signal: AbortSignal.timeout(5_000) })).status).toBe(200);
    expect(other.arrived.map(({ url }) => url)).toEqual(['/b?c=d']);
  });

  test('with none there they fail after one try each', async () => {
    const identities = [await startIdentity(), await startIdentity()];
    for (const identity of identities) identity.answer = (_request, response) => answerJson(response, 500, {});
    const [first, second] = identities.map(({ url }) => url) as [string, string];
    const ask = anyInstance([first, second]);
    expect((await ask(new URL('/a', first), { signal: AbortSignal.timeout(5_000) })).status).toBe(500);
    expect(identities.map(({ arrived }) => arrived.length)).toEqual([1, 1]);
  });
});

test('an API key’s token is not held once its signing key has been withdrawn', async () => {
  const next = testIssuer();
  let keys = issuer.keys;
  const tokens = [issuer.userToken(), next.userToken()];
  const exchange = async () => ({
    token: tokens.shift() ?? '',
    expiresIn: 60,
    key: { id: formatId('key', newUuid()), ipBound: false },
  });
  const held = apiKeys({ exchange, revoked: new RevokedSessions(), keys: { find: (id) => keys.find(id) } });
  const secret = newApiKeySecret();
  const first = await held.tokenFor(secret, '192.0.2.1');
  expect(await held.tokenFor(secret, '192.0.2.1')).toBe(first);
  keys = next.keys;
  const second = await held.tokenFor(secret, '192.0.2.1');
  expect(second).not.toBe(first);
  expect(await held.tokenFor(secret, '192.0.2.1')).toBe(second);
});
