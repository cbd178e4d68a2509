import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type RemoteKeysOptions, remoteKeys } from './keys.ts';
import { serviceTokens } from './service-tokens.ts';
import { testIssuer } from './testing.ts';

interface Answer {
  status?: number;
  body?: unknown;
  delayMs?: number;
}

let server: Server;
let base: string;
let answer: Answer;
let requests: { url: string; body: string }[];

beforeEach(async () => {
  requests = [];
  answer = {};
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ url: `${request.method} ${request.url}`, body });
    const { status = 200, body: content, delayMs = 0 } = answer;
    await wait(delayMs);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const first = testIssuer().jwks;
const second = testIssuer().jwks;
const kidOf = (jwks: typeof first) => jwks.keys[0]?.kid ?? '';

/** Reads by itself only where a test says so. */
function startKeys(options: RemoteKeysOptions) {
  const keys = remoteKeys({ pollMs: 60_000, ...options });
  onTestFinished(keys.close);
  return keys;
}

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(5);
}

describe('remoteKeys', () => {
  test('fetches once for parallel callers and keeps the keys', async () => {
    answer = { body: first, delayMs: 50 };
    const keys = startKeys({ url: `${base}/jwks` });
    const found = await Promise.all(Array.from({ length: 20 }, () => keys.find(kidOf(first))));
    expect(new Set(found)).toEqual(new Set([expect.stringContaining('BEGIN PUBLIC KEY')]));
    await keys.find(kidOf(first));
    expect(requests).toHaveLength(1);
  });

  test('unknown ids drive at most one fetch per refetchMs, and a rotated key is found then', async () => {
    answer = { body: first };
    const keys = startKeys({ url: base, refetchMs: 300 });
    await keys.find(kidOf(first));
    for (let attempt = 0; attempt < 20; attempt += 1) expect(await keys.find(`made-up-${attempt}`)).toBeUndefined();
    expect(requests).toHaveLength(1);
    answer = { body: { keys: [...first.keys, ...second.keys] } };
    await wait(320);
    expect(await keys.find(kidOf(second))).toContain('BEGIN PUBLIC KEY');
    expect(requests).toHaveLength(2);
  });

  test.each<[string, Answer]>([
    ['is down', { status: 500 }],
    ['answers nonsense', { body: { hello: 1 } }],
    ['does not answer', { body: first, delayMs: 500 }],
  ])('while the other side %s the known keys stay good', async (_name, outage) => {
    answer = { body: first };
    const keys = startKeys({ url: base, refetchMs: 0, deadlineMs: 100 });
    await keys.find(kidOf(first));
    answer = outage;
    expect(await keys.find('unknown')).toBeUndefined();
    expect(await keys.find(kidOf(first))).toContain('BEGIN PUBLIC KEY');
  });

  test('a withdrawn key is forgotten and a new one known after pollMs, though nobody asks', async () => {
    answer = { body: first };
    const keys = startKeys({ url: base, pollMs: 100, refetchMs: 60_000 });
    await keys.find(kidOf(first));
    answer = { body: second };
    await eventually(() => requests.length > 2);
    // From what is held: an unknown id causes no read within refetchMs.
    expect(await keys.find(kidOf(first))).toBeUndefined();
    expect(await keys.find(kidOf(second))).toContain('BEGIN PUBLIC KEY');
  });

  test('no more reads after the close', async () => {
    answer = { body: first };
    const keys = startKeys({ url: base, pollMs: 20 });
    await keys.find(kidOf(first));
    keys.close();
    const before = requests.length;
    await wait(150);
    expect(requests.length).toBe(before);
    expect(await keys.find(kidOf(first))).toContain('BEGIN PUBLIC KEY');
  });

  test('without any keys it is upstream_unavailable, within the deadline', async () => {
    answer = { body: first, delayMs: 2000 };
    const startedAt = performance.now();
    const keys = startKeys({ url: base, deadlineMs: 100 });
    await expect(keys.find('k')).rejects.toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 1 });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('keys of other kinds are passed over', async () => {
    const rsa = { kty: 'RSA', kid: 'rsa', n: 'AQAB', e: 'AQAB' };
    const encryption = { ...second.keys[0], use: 'enc' };
    answer = { body: { keys: [rsa, encryption, ...first.keys] } };
    const keys = startKeys({ url: base });
    expect(await keys.find('rsa')).toBeUndefined();
    expect(await keys.find(kidOf(second))).toBeUndefined();
    expect(await keys.find(kidOf(first))).toContain('BEGIN PUBLIC KEY');
  });
});

describe('serviceTokens', () => {
  const options = () => ({ identityUrl: base, clientName: 'accounts', clientSecret: 'canary-secret' });

  test('asks identity once for parallel callers, and keeps tokens apart by audience', async () => {
    answer = { body: { token: 't1', expiresIn: 600 }, delayMs: 30 };
    const tokens = serviceTokens(options());
    expect(await Promise.all([1, 2, 3].map(() => tokens.tokenFor('transactions')))).toEqual(['t1', 't1', 't1']);
    answer = { body: { token: 't2', expiresIn: 600 } };
    expect(await tokens.tokenFor('transactions')).toBe('t1');
    expect(await tokens.tokenFor('identity')).toBe('t2');
    expect(requests.map(({ url }) => url)).toEqual(['POST /internal/service-tokens', 'POST /internal/service-tokens']);
    const sent = { client: 'accounts', secret: 'canary-secret', audience: 'transactions' };
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual(sent);
  });

  test('asks again 30 s before a token expires', async () => {
    answer = { body: { token: 't1', expiresIn: 30.2 } };
    const tokens = serviceTokens(options());
    await tokens.tokenFor('transactions');
    await tokens.tokenFor('transactions');
    expect(requests).toHaveLength(1);
    await wait(220);
    await tokens.tokenFor('transactions');
    expect(requests).toHaveLength(2);
  });

  test('a token whose key has been withdrawn is not used any more', async () => {
    const issuer = testIssuer();
    const other = testIssuer();
    let keys = issuer.keys;
    answer = { body: { token: issuer.serviceToken('accounts', 'transactions'), expiresIn: 600 } };
    const tokens = serviceTokens({ ...options(), keys: { find: (kid) => keys.find(kid) } });
    const token = await tokens.tokenFor('transactions');
    expect(await tokens.tokenFor('transactions')).toBe(token);
    keys = other.keys;
    answer = { body: { token: other.serviceToken('accounts', 'transactions'), expiresIn: 600 } };
    const next = await tokens.tokenFor('transactions');
    expect(next).not.toBe(token);
    expect(await tokens.tokenFor('transactions')).toBe(next);
    // Not knowing is no reason to stop.
    keys = { find: () => Promise.reject(new Error('away')) };
    expect(await tokens.tokenFor('transactions')).toBe(next);
    expect(requests).toHaveLength(2);
  });

  test.each<[string, Answer]>([
    ['refuses', { status: 401, body: { code: 'invalid_credentials' } }],
    ['answers nonsense', { body: { token: '' } }],
    ['hangs', { body: { token: 't', expiresIn: 600 }, delayMs: 3000 }],
  ])(
    'when identity %s it is upstream_unavailable within the deadline, and tried again next time',
    async (_name, outage) => {
      answer = outage;
      const tokens = serviceTokens(options());
      const startedAt = performance.now();
      const failure = await tokens.tokenFor('transactions').catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'upstream_unavailable', retryAfterSeconds: 1 });
      expect(String(failure)).not.toContain('canary');
      expect(performance.now() - startedAt).toBeLessThan(1500);
      answer = { body: { token: 't9', expiresIn: 600 } };
      expect(await tokens.tokenFor('transactions')).toBe('t9');
    },
  );
});
