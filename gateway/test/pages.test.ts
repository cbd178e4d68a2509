import { SettingsError } from '@florin/service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readEnv, toConfig } from '../src/config.ts';
import { listenForMetrics } from '../src/plugins/metrics.ts';
import { deadUrl, rawRequest, startGateway, startUpstream } from './harness.ts';

const expected = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': /^max-age=31536000/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'cache-control': /^no-store$/,
};

function expectSecurityHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(expected)) {
    if (typeof value === 'string') expect(headers.get(name)).toBe(value);
    else expect(headers.get(name)).toMatch(value);
  }
  expect(headers.get('x-powered-by')).toBeNull();
  expect(headers.get('server')).toBeNull();
}

describe('security headers', () => {
  test('stand on every answer, errors included, and a service cannot weaken them', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) =>
      response
        .writeHead(200, {
          'x-frame-options': 'ALLOWALL',
          'content-security-policy': 'none',
          'x-powered-by': 'a service',
          server: 'a service',
        })
        .end('{}');
    const { bearer } = gateway;
    expectSecurityHeaders((await fetch(`${gateway.url}/v1/me`, { headers: bearer })).headers);
    expectSecurityHeaders((await fetch(`${gateway.url}/v1/me`)).headers);
    expectSecurityHeaders((await fetch(`${gateway.url}/nothing`)).headers);
    expectSecurityHeaders((await fetch(`${gateway.url}/v1/me`, { method: 'DELETE' })).headers);
    expectSecurityHeaders((await fetch(`${gateway.url}/v1//me`)).headers);
    await upstream.stop();
    expectSecurityHeaders((await fetch(`${gateway.url}/v1/me`, { headers: bearer })).headers);
  });

  test('stand on what the router refuses too, and each once', async () => {
    const gateway = await startGateway(await deadUrl());
    for (const target of ['/v1/%zz', '/v1/me']) {
      const [head = ''] = (await rawRequest(gateway.port, `GET ${target} HTTP/1.1`)).split('\r\n\r\n');
      const fields = head
        .split('\r\n')
        .slice(1)
        .map((line) => line.split(': ') as [string, string]);
      expectSecurityHeaders(new Headers(fields));
      const names = fields.map(([name]) => name.toLowerCase());
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test("a service's Cache-Control for public answers is kept", async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) => response.writeHead(200, { 'cache-control': 'max-age=300' }).end('{}');
    const response = await fetch(`${gateway.url}/.well-known/jwks.json`);
    expect(response.headers.get('cache-control')).toBe('max-age=300');
  });
});

describe('GET /health', () => {
  test('200 when every service is ready; 503 with the state of each when one is not', async () => {
    const upstream = await startUpstream();
    const healthy = await startGateway(upstream.url);
    const well = await fetch(`${healthy.url}/health`);
    const up = { identity: 'up', accounts: 'up', transactions: 'up', notification: 'up' };
    expect([well.status, await well.json()]).toEqual([200, { status: 'ok', services: up }]);
    expect(upstream.arrived.map(({ url }) => url)).toEqual(Array(4).fill('/health/ready'));

    const hung = await startUpstream();
    hung.answer = () => undefined;
    const urls = {
      identity: upstream.url,
      accounts: await deadUrl(),
      transactions: hung.url,
      notification: upstream.url,
    };
    const ailing = await startGateway(upstream.url, { config: { upstreamUrls: urls } });
    const started = performance.now();
    const ill = await fetch(`${ailing.url}/health`);
    expect(performance.now() - started).toBeLessThan(1_500);
    const services = { ...up, accounts: 'down', transactions: 'down' };
    expect([ill.status, await ill.json()]).toEqual([503, { status: 'degraded', services }]);
    expect((await fetch(`${ailing.url}/health/ready`)).status).toBe(200);
  });

  test('many who ask at once cost the services one probe', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway.url}/health`)));
    expect(upstream.arrived).toHaveLength(4);
  });
});

describe('documentation', () => {
  test('GET /openapi.json is the document', async () => {
    const gateway = await startGateway(await deadUrl(), { openapi: '{"openapi":"3.1.0","paths":{}}' });
    const response = await fetch(`${gateway.url}/openapi.json`);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual({ openapi: '3.1.0', paths: {} });
  });

  test('GET /docs is a page that loads nothing from elsewhere and whose policy lets its own scripts run', async () => {
    const gateway = await startGateway(await deadUrl());
    const response = await fetch(`${gateway.url}/docs`);
    const page = await response.text();
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page).not.toMatch(/(?:src|href)="https?:/);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/script-src 'self' 'sha256-[A-Za-z0-9+/=]+'/);
    expect(policy).not.toContain('http');
    const source = /<script[^>]+src="([^"]+)"/.exec(page)?.[1] ?? '';
    const script = await fetch(new URL(source, response.url));
    expect(script.headers.get('content-type')).toContain('javascript');
    expect((await script.text()).length).toBeGreaterThan(100_000);
  });
});

describe('metrics', () => {
  test('are on a listener of their own; its port taken is one clear line', async () => {
    const gateway = await startGateway(await deadUrl());
    await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    const listener = await listenForMetrics('127.0.0.1', 0);
    onTestFinished(() => void listener.close());
    const address = listener.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toMatch(/http_request_duration_seconds_count\{method="GET",route="\/v1\/accounts",status="503"\} \d/);
    expect(text).toContain('gateway_upstream_breaker_open{upstream="accounts",');
    expect((await fetch(`http://127.0.0.1:${port}/v1/accounts`)).status).toBe(404);
    await expect(listenForMetrics('127.0.0.1', port)).rejects.toThrow(/METRICS_PORT/);
  });
});

describe('settings', () => {
  const env = { SERVICE_CLIENT_SECRET: 'a secret of some length' };

  test('limits can be turned off, but not in production', () => {
    expect(toConfig(readEnv({ ...env, FLORIN_RATE_LIMITS: 'off' })).limits).toBeUndefined();
    expect(toConfig(readEnv({ ...env, NODE_ENV: 'production' })).limits).toBeDefined();
    const both = { ...env, FLORIN_RATE_LIMITS: 'off', NODE_ENV: 'production' };
    expect(() => readEnv(both)).toThrow(SettingsError);
  });

  test.each([
    ['ACCOUNTS_URL', 'accounts:3002'],
    ['REDIS_URL', 'http://localhost'],
    ['BUS_URL', 'kafka://localhost'],
    ['TRUSTED_PROXIES', 'everybody'],
    ['SERVICE_CLIENT_SECRET', ''],
    ['METRICS_PORT', '70000'],
  ])('%s is refused when it makes no sense', (name, value) => {
    expect(() => readEnv({ ...env, [name]: value })).toThrow(name);
  });
});
