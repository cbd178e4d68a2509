import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { formatId, newUuid } from '@florin/service';
import { eventually, testRedisUrl } from '@florin/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../src/dependencies.ts';
import { type LimitStore, ProcessLimitStore, RedisLimitStore } from '../src/limits/limit-store.ts';
import { generousLimits, problemOf, startGateway, startUpstream, type TestGateway } from './harness.ts';

const readLimit = (max: number, windowSeconds = 60) => ({
  config: { limits: { ...generousLimits, read: { max, windowSeconds } } },
});

const read = (gateway: TestGateway, headers: Record<string, string> = gateway.bearer) =>
  fetch(`${gateway.url}/v1/accounts`, { headers });

describe('rate limits', () => {
  test('RateLimit and RateLimit-Policy stand on every answer; beyond the limit 429 with Retry-After', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, readLimit(2));
    const first = await read(gateway);
    expect(first.headers.get('ratelimit-policy')).toBe('"read";q=2;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"read";r=1;t=(60|59)$/);
    expect((await read(gateway)).headers.get('ratelimit')).toMatch(/^"read";r=0;t=\d+$/);
    const refused = await read(gateway);
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(refused.headers.get('ratelimit')).toMatch(/^"read";r=0;t=\d+$/);
    expect(upstream.arrived).toHaveLength(2);
  });

  test('are counted for each user and class alone, and start again with the next window', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, readLimit(1, 1));
    const other = { authorization: `Bearer ${gateway.issuer.userToken()}` };
    expect([(await read(gateway)).status, (await read(gateway)).status]).toEqual([200, 429]);
    expect((await read(gateway, other)).status).toBe(200);
    const write = await fetch(`${gateway.url}/v1/accounts`, { method: 'POST', headers: gateway.bearer });
    expect(write.status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect((await read(gateway)).status).toBe(200);
  });

  test('a new token of the same user draws on the same limit', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, readLimit(1));
    const userId = newUuid();
    const headers = () => ({ authorization: `Bearer ${gateway.issuer.userToken({ userId })}` });
    expect([(await read(gateway, headers())).status, (await read(gateway, headers())).status]).toEqual([200, 429]);
  });

  test('refused tokens count for the address and cannot be tried without end', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, readLimit(3));
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      statuses.push((await read(gateway, { authorization: `Bearer a.b.c${index}` })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await read(gateway)).status).toBe(200);
  });

  test('so do tokens of ended sessions, with the same headers, and what is forbidden', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, readLimit(3));
    const sessionId = newUuid();
    gateway.revoked.add([{ session: formatId('ses', sessionId), expiresAt: Date.now() + 600_000 }]);
    const ended = { authorization: `Bearer ${gateway.issuer.userToken({ sessionId })}` };
    const service = { authorization: `Bearer ${gateway.issuer.serviceToken('accounts', 'gateway')}` };
    const answers = [];
    for (const headers of [ended, { authorization: 'Bearer a.b.c' }, service, ended, service]) {
      answers.push(await read(gateway, headers));
    }
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403, 429, 429]);
    const [first, second] = answers.map(({ headers }) => [...headers.keys()].sort());
    expect(first).toEqual(second);
  });

  test('logins count for the address, whatever X-Forwarded-For says; an IPv6 /64 is one caller', async () => {
    const upstream = await startUpstream();
    const limits = { ...generousLimits, 'public-auth': { max: 2, windowSeconds: 60 } };
    const direct = await startGateway(upstream.url, { config: { limits } });
    const behind = await startGateway(upstream.url, { config: { limits, trustedProxies: ['127.0.0.1'] } });
    const login = async (gateway: TestGateway, from: string) =>
      (await fetch(`${gateway.url}/v1/auth/login`, { method: 'POST', headers: { 'x-forwarded-for': from } })).status;
    const statuses = async (gateway: TestGateway, addresses: string[]) => {
      const answers: number[] = [];
      for (const address of addresses) answers.push(await login(gateway, address));
      return answers;
    };
    expect(await statuses(direct, ['1.1.1.1', '2.2.2.2', '3.3.3.3'])).toEqual([200, 200, 429]);
    expect(await statuses(behind, ['1.1.1.1', '2.2.2.2', '3.3.3.3'])).toEqual([200, 200, 200]);
    expect(await statuses(behind, ['2001:db8::1', '2001:db8::2', '2001:db8::3'])).toEqual([200, 200, 429]);
    expect(await login(behind, '2001:db8:0:1::1')).toBe(200);
  });

  test('off: no limit and no header', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { config: { limits: undefined } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => read(gateway)));
    expect(answers.every(({ status, headers }) => status === 200 && !headers.has('ratelimit'))).toBe(true);
  });
});

describe('the store in the process', () => {
  test('holds no more callers than it was given room for', () => {
    const store = new ProcessLimitStore(10);
    for (let index = 0; index < 50; index += 1) store.count(`caller ${index}`, 60_000);
    expect(store.count('caller 49', 60_000).current).toBe(2);
    expect(store.count('caller 0', 60_000).current).toBe(1);
  });
});

/** A connection to the run's Redis that can be cut or frozen without harm to others. */
async function redisThroughProxy() {
  const target = new URL(await testRedisUrl());
  const sockets = new Set<Socket>();
  let mode: 'open' | 'frozen' | 'gone' = 'open';
  const server = createServer((client) => {
    if (mode === 'gone') return client.destroy();
    const redis = connect(Number(target.port), target.hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => mode === 'open' && redis.write(chunk));
    redis.on('data', (chunk) => mode === 'open' && client.write(chunk));
    client.on('close', () => redis.destroy());
    redis.on('close', () => client.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    url: url.href,
    open: () => (mode = 'open'),
    freeze: () => (mode = 'frozen'),
    remove: () => {
      mode = 'gone';
      cut();
    },
  };
}

async function storeOn(url: string, namespace = `test:${newUuid()}:`) {
  const redis = connectRedis(url, () => undefined);
  onTestFinished(() => redis.disconnect());
  await eventually(() => expect(redis.status).toBe('ready'), { timeoutMs: 5_000 });
  return { store: new RedisLimitStore(redis, namespace), redis, namespace };
}

describe('with Redis', () => {
  test('gateways count together', async () => {
    const upstream = await startUpstream();
    const { store, redis, namespace } = await storeOn(await testRedisUrl());
    const userId = newUuid();
    const one = await startGateway(upstream.url, { ...readLimit(2), limitStore: store });
    const two = await startGateway(upstream.url, { ...readLimit(2), limitStore: store });
    const headers = (gateway: TestGateway) => ({ authorization: `Bearer ${gateway.issuer.userToken({ userId })}` });
    expect((await read(one, headers(one))).status).toBe(200);
    expect((await read(two, headers(two))).status).toBe(200);
    expect((await read(one, headers(one))).status).toBe(429);
    const [key = ''] = await redis.keys(`${namespace}*`);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    // Control: with a store of its own a gateway knows nothing of what another has counted.
    const apart = await startGateway(upstream.url, readLimit(2));
    expect((await read(apart, { authorization: `Bearer ${apart.issuer.userToken({ userId })}` })).status).toBe(200);
  });

  test('control: a store that does not fall back on the process fails requests, or keeps them waiting', async () => {
    const upstream = await startUpstream();
    const planted = (incr: LimitStore['incr']): LimitStore => ({ incr, child: () => planted(incr) });
    const failing = await startGateway(upstream.url, {
      limitStore: planted((_key, answer) => answer(new Error('Redis is away'))),
    });
    expect((await read(failing)).status).toBeGreaterThanOrEqual(500);
    const frozen = await startGateway(upstream.url, { limitStore: planted(() => undefined) });
    const waiting = read(frozen).catch(() => undefined);
    expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 250, 'waits'))])).toBe('waits');
  });

  test('gone: no request fails, limits hold in the process, and Redis is used again when it is back', async () => {
    const upstream = await startUpstream();
    const proxy = await redisThroughProxy();
    const { store, redis } = await storeOn(proxy.url);
    const gateway = await startGateway(upstream.url, { ...readLimit(5), limitStore: store });
    proxy.remove();
    const statuses: number[] = [];
    for (let index = 0; index < 7; index += 1) statuses.push((await read(gateway)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    proxy.open();
    await eventually(() => expect(redis.status).toBe('ready'), { timeoutMs: 5_000 });
    await eventually(async () => expect((await read(gateway)).headers.get('ratelimit')).toMatch(/r=4/), {
      timeoutMs: 5_000,
    });
  });

  test('frozen: a request waits 200 ms more at most, and not every one', async () => {
    const upstream = await startUpstream();
    const proxy = await redisThroughProxy();
    const { store } = await storeOn(proxy.url);
    const gateway = await startGateway(upstream.url, { limitStore: store });
    await read(gateway);
    proxy.freeze();
    const times: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      const started = performance.now();
      expect((await read(gateway)).status).toBe(200);
      times.push(performance.now() - started);
    }
    expect(Math.max(...times)).toBeLessThan(250);
    expect(times.filter((ms) => ms > 90)).toHaveLength(1);
  });
});
