import { newApiKeySecret, serviceTokens } from '@florin/auth';
import { type TestIssuer, testIssuer } from '@florin/auth/testing';
import { formatId, newUuid } from '@florin/service';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { apiKeys } from '../src/api-keys/api-keys.ts';
import { keyExchange } from '../src/api-keys/exchange.ts';
import { RevokedSessions } from '../src/revoked-sessions.ts';
import { answerJson, generousLimits, problemOf, startGateway, startUpstream, type TestUpstream } from './harness.ts';

/** What the identity of these tests knows of a secret. */
interface KnownKey {
  id: string;
  /** Addresses it is good for; undefined: any. */
  ips?: string[];
  expiresIn?: number;
}

/** An identity that exchanges the keys in `known`. */
async function startIdentity(issuer: TestIssuer) {
  const known = new Map<string, KnownKey>();
  const userId = newUuid();
  const server = await startUpstream();
  server.answer = ({ url, headers, body }, response) => {
    if (url === '/internal/service-tokens')
      return answerJson(response, 200, { token: 'service.to.ken', expiresIn: 300 });
    if (headers.authorization !== 'Bearer service.to.ken')
      return answerJson(response, 401, { code: 'unauthenticated' });
    const { secret, ip } = JSON.parse(body.toString()) as { secret: string; ip: string };
    const key = known.get(secret);
    if (key === undefined || key.ips?.includes(ip) === false) {
      return answerJson(response, 401, { code: 'invalid_credentials' });
    }
    const { id, expiresIn = 60 } = key;
    const exp = Math.floor(Date.now() / 1_000) + expiresIn;
    const token = issuer.userToken({ userId, scopes: ['accounts:read'], claims: { sid: id, exp } });
    return answerJson(response, 200, { token, expiresIn, key: { id, ipBound: key.ips !== undefined } });
  };
  return { known, server, asked: () => exchangesAt(server).length };
}

const exchangesAt = (server: TestUpstream) => server.arrived.filter(({ url }) => url === '/internal/api-keys/exchange');

function newKey(): string {
  return formatId('key', newUuid());
}

/** A gateway with an identity and one service behind; `options` of the API keys' cache. */
async function start(options: { trustedProxies?: string[]; readMax?: number; refusalMs?: number } = {}) {
  const issuer = testIssuer();
  const identity = await startIdentity(issuer);
  const service = await startUpstream();
  const revoked = new RevokedSessions();
  revoked.load([]);
  const tokens = serviceTokens({ identityUrl: identity.server.url, clientName: 'gateway', clientSecret: 'a secret' });
  const exchange = keyExchange({ identityUrl: identity.server.url, tokens });
  onTestFinished(() => exchange.close());
  const { refusalMs, readMax = 10_000, trustedProxies = [] } = options;
  const gateway = await startGateway(service.url, {
    keys: issuer.keys,
    revoked,
    apiKeys: apiKeys({ exchange: exchange.exchange, revoked, ...(refusalMs !== undefined && { refusalMs }) }),
    config: { trustedProxies, limits: { ...generousLimits, read: { max: readMax, windowSeconds: 60 } } },
  });
  const read = (secret: string, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/v1/accounts`, { headers: { authorization: `Bearer ${secret}`, ...headers } });
  return { issuer, identity, service, revoked, gateway, read };
}

describe('a request with an API key', () => {
  test('reaches the service with the exchanged token instead, never with the key; one exchange serves the next ones', async () => {
    const { identity, service, read } = await start();
    const secret = newApiKeySecret();
    const id = newKey();
    identity.known.set(secret, { id });
    for (let request = 0; request < 3; request += 1) expect((await read(secret)).status).toBe(200);
    expect(identity.asked()).toBe(1);
    expect(JSON.parse(exchangesAt(identity.server)[0]?.body.toString() ?? '')).toEqual({ secret, ip: '127.0.0.1' });
    expect(service.arrived).toHaveLength(3);
    for (const { headers, rawHeaders } of service.arrived) {
      const claims = JSON.parse(Buffer.from(headers.authorization?.split('.')[1] ?? '', 'base64url').toString());
      expect(claims).toMatchObject({ sid: id, scope: 'accounts:read' });
      expect(rawHeaders.join(' ')).not.toContain('flk_');
    }
  });

  test('50 at once with one key are one exchange', async () => {
    const { identity, read } = await start();
    const secret = newApiKeySecret();
    identity.known.set(secret, { id: newKey() });
    const answers = await Promise.all(Array.from({ length: 50 }, () => read(secret)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(identity.asked()).toBe(1);
  });

  test('401, word for word like a bad token: unknown, another address, no key at all; nothing reaches the service', async () => {
    const { identity, service, read } = await start();
    const bound = newApiKeySecret();
    identity.known.set(bound, { id: newKey(), ips: ['192.0.2.1'] });
    const bodies = new Set<string>();
    for (const secret of ['x.y.z', newApiKeySecret(), bound, 'flk_', 'flk_nonsense']) {
      const response = await read(secret);
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      bodies.add(JSON.stringify({ ...(await problemOf(response)), traceId: '' }));
    }
    expect(bodies.size).toBe(1);
    expect(service.arrived).toEqual([]);
    // Identity is not asked about what has not the form and checksum of a key.
    expect(identity.asked()).toBe(2);
  });

  test('a refusal is remembered for a moment, so that identity is not asked each time', async () => {
    const { identity, read } = await start({ refusalMs: 300 });
    const secret = newApiKeySecret();
    for (let request = 0; request < 5; request += 1) expect((await read(secret)).status).toBe(401);
    expect(identity.asked()).toBe(1);
    identity.known.set(secret, { id: newKey() });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect((await read(secret)).status).toBe(200);
  });

  test('a key bound to addresses is judged for each address; addresses are believed from trusted proxies alone', async () => {
    const secret = newApiKeySecret();
    const from = (ip: string) => ({ 'x-forwarded-for': ip });
    const behind = await start({ trustedProxies: ['127.0.0.1'] });
    behind.identity.known.set(secret, { id: newKey(), ips: ['192.0.2.1', '192.0.2.2'] });
    const asks = ['192.0.2.1', '192.0.2.9', '192.0.2.2', '192.0.2.1', '192.0.2.9', '192.0.2.2'];
    const statuses: number[] = [];
    for (const ip of asks) statuses.push((await behind.read(secret, from(ip))).status);
    expect(statuses).toEqual([200, 401, 200, 200, 401, 200]);
    expect(behind.identity.asked()).toBe(3);
    const parallel = await Promise.all(
      Array.from({ length: 30 }, (_, index) => behind.read(secret, from(`192.0.2.${1 + (index % 3)}`))),
    );
    expect(parallel.map(({ status }) => status)).toEqual(
      Array.from({ length: 30 }, (_, index) => (index % 3 === 2 ? 401 : 200)),
    );
    const open = await start();
    open.identity.known.set(secret, { id: newKey(), ips: ['192.0.2.1'] });
    expect((await open.read(secret, from('192.0.2.1'))).status).toBe(401);
  });

  test('is not exchanged on public routes, nor where there is no route', async () => {
    const { identity, gateway } = await start();
    const headers = { authorization: `Bearer ${newApiKeySecret()}` };
    expect((await fetch(`${gateway.url}/.well-known/jwks.json`, { headers })).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1/nothing`, { headers })).status).toBe(404);
    expect(identity.asked()).toBe(0);
  });

  test('counts for the key, not for its user or the user’s other keys', async () => {
    const { identity, read } = await start({ readMax: 2 });
    const [one, other] = [newApiKeySecret(), newApiKeySecret()];
    identity.known.set(one, { id: newKey() });
    identity.known.set(other, { id: newKey() });
    const statuses: number[] = [];
    for (const secret of [one, one, one, other, other, other]) statuses.push((await read(secret)).status);
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429]);
  });
});

describe('a revoked key', () => {
  test('is refused from the moment the revocation is known, held or not, and identity is not asked again', async () => {
    const { identity, read, revoked } = await start();
    const secret = newApiKeySecret();
    const id = newKey();
    identity.known.set(secret, { id });
    expect((await read(secret)).status).toBe(200);
    identity.known.delete(secret);
    revoked.add([{ session: id, expiresAt: Date.now() + 80_000 }]);
    expect(await problemOf(await read(secret))).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('is refused too when the revocation comes while identity is answering', async () => {
    const { identity, read, revoked } = await start();
    const secret = newApiKeySecret();
    const id = newKey();
    identity.known.set(secret, { id });
    const { answer } = identity.server;
    identity.server.answer = (request, response) => {
      if (request.url === '/internal/api-keys/exchange') {
        revoked.add([{ session: id, expiresAt: Date.now() + 80_000 }]);
      }
      answer(request, response);
    };
    expect((await read(secret)).status).toBe(401);
  });

  test('is refused by the gateway that its revocation passed through before that is answered', async () => {
    const { identity, read, gateway, issuer, service } = await start();
    const secret = newApiKeySecret();
    const id = newKey();
    identity.known.set(secret, { id });
    expect((await read(secret)).status).toBe(200);
    service.answer = (_request, response) => response.writeHead(204).end();
    const headers = { authorization: `Bearer ${issuer.userToken()}` };
    await fetch(`${gateway.url}/v1/api-keys/${id}`, { method: 'DELETE', headers });
    expect((await read(secret)).status).toBe(401);
  });
});

describe('identity away', () => {
  test('held keys go on until their token expires, others are 503 with Retry-After, and it heals', async () => {
    const { identity, read } = await start();
    const [held, fresh, short] = [newApiKeySecret(), newApiKeySecret(), newApiKeySecret()];
    for (const secret of [held, fresh]) identity.known.set(secret, { id: newKey() });
    identity.known.set(short, { id: newKey(), expiresIn: 1 });
    expect([(await read(held)).status, (await read(short)).status]).toEqual([200, 200]);
    const { answer } = identity.server;
    identity.server.answer = (_request, response) => answerJson(response, 500, {});
    expect((await read(held)).status).toBe(200);
    const refused = await read(fresh);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await problemOf(refused)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect((await read(short)).status).toBe(503);
    identity.server.answer = answer;
    expect((await read(fresh)).status).toBe(200);
  });

  test('a hanging identity costs a second and the many who wait share it; its own 401 for the gateway is no refusal', async () => {
    const { identity, read } = await start();
    const secret = newApiKeySecret();
    identity.known.set(secret, { id: newKey() });
    const { answer } = identity.server;
    identity.server.answer = (request, response) => {
      if (request.url !== '/internal/api-keys/exchange') answer(request, response);
    };
    const started = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => read(secret)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(performance.now() - started).toBeLessThan(2_500);
    expect(identity.asked()).toBe(1);
    identity.server.answer = (request, response) => {
      if (request.url === '/internal/api-keys/exchange') answerJson(response, 401, { code: 'unauthenticated' });
      else answer(request, response);
    };
    expect((await read(secret)).status).toBe(503);
  });
});

describe('what is held', () => {
  test('has no token of a revoked key', async () => {
    const [id, secret] = [newKey(), newApiKeySecret()];
    const revoked = new RevokedSessions();
    const exchange = async () => ({ token: 'a.b.c', expiresIn: 60, key: { id, ipBound: false } });
    const keys = apiKeys({ exchange, revoked });
    expect(await keys.tokenFor(secret, '192.0.2.1')).toBe('a.b.c');
    revoked.add([{ session: id, expiresAt: Date.now() + 80_000 }]);
    expect(await keys.tokenFor(secret, '192.0.2.1')).toBeUndefined();
  });

  test('is bounded, for good keys and for refused ones', async () => {
    const good = newApiKeySecret();
    const exchange = vi.fn(async (secret: string) =>
      secret === good ? { token: 'a.b.c', expiresIn: 60, key: { id: newKey(), ipBound: false } } : undefined,
    );
    const keys = apiKeys({ exchange, revoked: new RevokedSessions(), capacity: 3 });
    await keys.tokenFor(good, '192.0.2.1');
    const bad = Array.from({ length: 10 }, newApiKeySecret);
    for (const secret of bad) expect(await keys.tokenFor(secret, '192.0.2.1')).toBeUndefined();
    exchange.mockClear();
    // Ten refused keys pushed out no good one.
    expect(await keys.tokenFor(good, '192.0.2.1')).toBe('a.b.c');
    expect(exchange).toHaveBeenCalledTimes(0);
    for (const secret of bad.slice(-3)) await keys.tokenFor(secret, '192.0.2.1');
    expect(exchange).toHaveBeenCalledTimes(0);
    await keys.tokenFor(bad[0] ?? '', '192.0.2.1');
    expect(exchange).toHaveBeenCalledTimes(1);
  });
});
