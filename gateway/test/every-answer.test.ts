import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { generousLimits, problemOf, sendRaw, startGateway, startUpstream, type TestGateway } from './harness.ts';
import { startPlainProxy } from './planted.ts';

const headersOfAll = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

async function start() {
  const upstream = await startUpstream();
  const gateway = await startGateway(upstream.url, {
    config: { limits: { ...generousLimits, webhook: { max: 1, windowSeconds: 60 } } },
  });
  return { upstream, gateway };
}

/** A status and the request that gets it. */
const answers: [number, string, RequestInit | undefined][] = [
  [200, '/v1/me', {}],
  [400, '/v1//me', {}],
  [400, '/v1/%zz', {}],
  [401, '/v1/me', undefined],
  [404, '/v1/nothing', {}],
  [405, '/v1/me', { method: 'PUT' }],
  [413, '/v1/transfers', { method: 'POST', body: 'x'.repeat(64 * 1024 + 1) }],
  [429, '/v1/webhooks/providers/sandbox', { method: 'POST' }],
  [502, '/v1/users', {}],
];

const unparseable: [number, string][] = [
  [400, 'no HTTP\r\n\r\n'],
  [431, `GET /v1/me HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
];

async function ask(gateway: TestGateway, path: string, init: RequestInit | undefined): Promise<Response> {
  return fetch(gateway.url + path, { ...init, headers: init === undefined ? {} : gateway.bearer });
}

describe('every answer has the security headers', () => {
  test.each(answers)('%i of %s', async (status, path, init) => {
    const { gateway, upstream } = await start();
    if (status === 429) await ask(gateway, path, init);
    if (status === 502) {
      // What a service says of these itself counts for nothing.
      upstream.answer = (_request, response) =>
        response.writeHead(502, { 'content-security-policy': '*', 'x-frame-options': 'ALLOWALL', server: 'x' }).end();
    }
    const response = await ask(gateway, path, init);
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject(headersOfAll);
    expect(response.headers.get('server')).toBeNull();
    if (status >= 400 && status !== 502) await problemOf(response);
  });

  test.each(unparseable)('%i of what the parser refuses', async (status, bytes) => {
    const { gateway } = await start();
    const answer = await sendRaw(gateway.port, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    for (const [name, value] of Object.entries(headersOfAll)) expect(answer).toContain(`${name}: ${value}\r\n`);
  });

  test('408 of a client that stops half-way, closed within 10 s', { timeout: 20_000 }, async () => {
    const { gateway, upstream } = await start();
    const plain = connect((await startPlainProxy(upstream.url)).port, '127.0.0.1');
    const begun = 'POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nA: b\r\n';
    plain.write(begun);
    const answer = await sendRaw(gateway.port, begun, 10_000);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    for (const [name, value] of Object.entries(headersOfAll)) expect(answer).toContain(`${name}: ${value}\r\n`);
    // Control: with Node's own timeouts the same client holds its connection on.
    expect(plain.readyState).toBe('open');
    plain.destroy();
  });

  test('control: a plain proxy sets none of them, and keeps those of a service', async () => {
    const upstream = await startUpstream();
    const { url, port } = await startPlainProxy(upstream.url);
    const values = Object.values(headersOfAll);
    for (const [, path, init] of answers) {
      const { headers } = await fetch(url + path, init);
      expect(values.filter((value) => [...headers.values()].includes(value))).toEqual([]);
    }
    for (const [, bytes] of unparseable) {
      const answer = await sendRaw(port, bytes);
      expect(values.filter((value) => answer.includes(value))).toEqual([]);
    }
    upstream.answer = (_request, response) => response.writeHead(502, { server: 'x' }).end();
    expect((await fetch(`${url}/v1/users`)).headers.get('server')).toBe('x');
  });
});

const inside = ['/metrics', '/internal/revocations', '/internal/openapi.json'];
const spellings = inside.flatMap((path) => [
  path,
  `${path}/`,
  path.toUpperCase(),
  `/${path}`,
  `/.${path}`,
  `/v1/..${path}`,
  `/v1${path}`,
  `${path}?a=b`,
  `${path};a`,
  path.replace('t', '%74'),
  path.replace('n', '%6e'),
  `http://localhost${path}`,
]);

describe("services' inside paths", () => {
  test.each(spellings)('%s is 400 or 404 and goes nowhere', async (target) => {
    const { gateway, upstream } = await start();
    const authorization = `Authorization: ${gateway.bearer.authorization}`;
    const head = [`GET ${target} HTTP/1.1`, 'Host: localhost', authorization, 'Connection: close', '', ''];
    expect(await sendRaw(gateway.port, head.join('\r\n'))).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(upstream.arrived).toEqual([]);
  });

  test('control: a plain proxy leads there', async () => {
    const upstream = await startUpstream();
    const { port } = await startPlainProxy(upstream.url);
    await Promise.all(
      spellings.map((target) => sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)),
    );
    expect(upstream.arrived.map(({ url }) => url)).toEqual(expect.arrayContaining(inside));
  });
});
