import corsPlugin from '@fastify/cors';
import { SettingsError } from '@florin/service';
import Fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAddresses } from '../src/addresses.ts';
import { readEnv, toConfig } from '../src/config.ts';
import { problemOf, startGateway, startUpstream } from './harness.ts';

const page = 'https://app.example';

async function startWithCors() {
  const upstream = await startUpstream();
  return { upstream, gateway: await startGateway(upstream.url, { config: { corsOrigins: [page] } }) };
}

describe('CORS', () => {
  test('is off by default', async () => {
    const gateway = await startGateway((await startUpstream()).url);
    const response = await fetch(`${gateway.url}/v1/me`, { headers: { ...gateway.bearer, origin: page } });
    expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test.each([
    ['200', 'GET', '/v1/me', true, 200],
    ['400 of the path', 'GET', '/v1//me', true, 400],
    ['401', 'GET', '/v1/me', false, 401],
    ['404', 'GET', '/v1/nothing', true, 404],
    ['405', 'PUT', '/v1/me', true, 405],
    ['413', 'POST', '/v1/accounts', true, 413],
  ])('lets a listed origin read a %s, and no other', async (_name, method, path, authorized, status) => {
    const { gateway } = await startWithCors();
    for (const [origin, allowed] of [
      [page, page],
      ['https://app.example.evil', null],
      ['null', null],
    ] as const) {
      const response = await fetch(gateway.url + path, {
        method,
        headers: { origin, 'content-type': 'application/json', ...(authorized ? gateway.bearer : {}) },
        ...(status === 413 ? { body: 'x'.repeat(64 * 1024 + 1) } : {}),
      });
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
      expect(response.headers.get('vary')).toMatch(/^Origin/);
    }
  });

  test('control: a server that mirrors any origin lets every page read', async () => {
    const mirror = Fastify();
    onTestFinished(() => mirror.close());
    await mirror.register(corsPlugin, { origin: true, credentials: true });
    mirror.get('/v1/me', async () => ({}));
    const headers = { origin: 'https://app.example.evil' };
    const answer = await mirror.inject({ url: '/v1/me', headers });
    expect(answer.headers['access-control-allow-origin']).toBe(headers.origin);
    expect(answer.headers['access-control-allow-credentials']).toBe('true');
  });

  test('answers the preflight of a listed origin here; any other OPTIONS is 405 or 404', async () => {
    const { gateway, upstream } = await startWithCors();
    const options = (path: string, headers: Record<string, string>) =>
      fetch(gateway.url + path, { method: 'OPTIONS', headers });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' };
    const preflight = await options('/v1/transfers', { origin: page, ...asked });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Idempotency-Key');
    expect((await options('/v1/transfers', { origin: 'https://evil.example', ...asked })).status).toBe(405);
    expect((await options('/v1/transfers', {})).status).toBe(405);
    expect((await options('/v1/nothing', {})).status).toBe(404);
    expect((await fetch(`${gateway.url}/v1/nothing`)).status).toBe(404);
    expect(upstream.arrived).toEqual([]);
  });
});

describe('addresses', () => {
  test.each([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['192.0.2.1', '::ffff:192.0.2.1', true],
    ['2001:db8::/32,192.0.2.1', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['0.0.0.0/0', '203.0.113.9', true],
  ])('%s holds %s: %s', (text, address, held) => {
    expect(parseAddresses(text).has(address)).toBe(held);
  });

  test.each(['10.0.0.0/33', '::/129', '1.2.3', '1.2.3.4/8/8', '1.2.3.4/', 'fe80'])(
    '%s is refused at the start',
    (text) => {
      const env = readEnv({ SERVICE_CLIENT_SECRET: 'x', DENIED_ADDRESSES: text });
      expect(() => toConfig(env)).toThrow(SettingsError);
      expect(() => toConfig(env)).toThrow('DENIED_ADDRESSES must be addresses or networks, separated by commas');
    },
  );

  test.each([
    ['denied', { deniedAddresses: parseAddresses('127.0.0.0/8') }],
    ['not allowed', { allowedAddresses: parseAddresses('10.0.0.0/8') }],
    [
      'allowed and denied',
      { allowedAddresses: parseAddresses('127.0.0.1'), deniedAddresses: parseAddresses('127.0.0.1') },
    ],
  ])('a client that is %s gets 403 everywhere but at the probes', async (_name, config) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { config });
    for (const path of ['/v1/me', '/docs', '/openapi.json', '/health', '/nothing']) {
      const response = await fetch(gateway.url + path, { headers: gateway.bearer });
      expect(await problemOf(response)).toMatchObject({ status: 403, code: 'forbidden' });
    }
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    expect(upstream.arrived).toEqual([]);
  });

  test('X-Forwarded-For does not help, unless the proxy is trusted', async () => {
    const upstream = await startUpstream();
    const allowedAddresses = parseAddresses('203.0.113.0/24');
    const ask = async (trustedProxies: string[]) => {
      const gateway = await startGateway(upstream.url, { config: { allowedAddresses, trustedProxies } });
      const headers = { ...gateway.bearer, 'x-forwarded-for': '203.0.113.7' };
      return (await fetch(`${gateway.url}/v1/me`, { headers })).status;
    };
    expect([await ask([]), await ask(['127.0.0.1'])]).toEqual([403, 200]);
  });
});
