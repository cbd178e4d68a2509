import { describe, expect, test } from 'vitest';
import { targetFault } from '../src/plugins/path-hygiene.ts';
import { type Arrived, rawRequest, sendRaw, startGateway, startUpstream } from './harness.ts';
import { startPlainProxy } from './planted.ts';

const refusedTargets = [
  '/v1/accounts/%00',
  '/v1/accounts%2f..%2fme',
  '/v1/accounts%2Facc',
  '/v1%5caccounts',
  '/v1\\accounts',
  '//v1/accounts',
  '/v1//accounts',
  '/v1/accounts/../me',
  '/v1/accounts/..',
  '/v1/./accounts',
  '/v1/accounts/%2e%2e/me',
  '/v1/accounts/.%2e/me',
  '/v1/accounts;jsessionid=1',
  '/v1/accounts%3bx',
  '/v1/%252e%252e/me',
  '/v1/%61ccounts',
  '/v1/%zz',
  '/v1/accounts/%',
  '/v1/accounts/é',
  '/v1/accounts/%c0%af',
  '/internal%2frevocations',
  '/v1/accounts?name=%00',
  '/v1/accounts?name=%0d%0aset-cookie',
  '/v1/accounts?name=%ff',
  '/v1/accounts?name=%',
  '/v1/accounts?name=é',
  '/v1/accounts#part',
  'http://elsewhere.example/v1/accounts',
  '*',
];

/** Sends each of these to a plain proxy and names those of which something arrives, where `counts` does not say more. */
async function arrivingThroughPlain<Case>(
  cases: readonly Case[],
  send: (port: number, one: Case, mark: string) => Promise<unknown>,
  counts: (arrived: Arrived, one: Case) => boolean = () => true,
): Promise<Case[]> {
  const upstream = await startUpstream();
  const { port } = await startPlainProxy(upstream.url);
  await Promise.all(cases.map((one, index) => send(port, one, `X-Case: ${index}`)));
  return cases.filter((one, index) =>
    upstream.arrived.some((arrived) => arrived.headers['x-case'] === String(index) && counts(arrived, one)),
  );
}

function expectRefused(answer: string): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 400 /);
  expect(head.toLowerCase()).toContain('content-type: application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'validation_failed', traceId: expect.any(String) });
}

describe('request targets', () => {
  test.each(refusedTargets)('%s is 400 and goes nowhere', async (target) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const authorization = `Authorization: ${gateway.bearer.authorization}`;
    expectRefused(await rawRequest(gateway.port, `GET ${target} HTTP/1.1`, [authorization]));
    expect(upstream.arrived).toEqual([]);
  });

  test('control: many of them get through a plain proxy', async () => {
    const arriving = await arrivingThroughPlain(refusedTargets, (port, target, mark) =>
      rawRequest(port, `GET ${target} HTTP/1.1`, [mark]),
    );
    expect(arriving).toEqual(
      expect.arrayContaining([
        '/v1/accounts/%00',
        '/v1/accounts%2Facc',
        '/v1//accounts',
        '/v1/./accounts',
        '/v1/accounts;jsessionid=1',
        '/v1/%252e%252e/me',
        '/v1/%61ccounts',
        '/internal%2frevocations',
        '/v1/accounts?name=%0d%0aset-cookie',
        '/v1/accounts?name=%ff',
      ]),
    );
  });

  test.each([
    '/',
    '/v1/accounts/acc_01h2xcejqtf2nbrexx3vqjhp41',
    '/.well-known/jwks.json',
    '/v1/transactions?reference=100%25&from=2026-01-01T00:00:00.000Z&q=a%2Fb+%C3%A9;x',
  ])('%s is plain', (target) => {
    expect(targetFault(target)).toBeUndefined();
  });
});

const refusedFramings: [string, string[]][] = [
  ['two Host headers', ['Host: other']],
  ['two Authorization headers', ['Authorization: Bearer a', 'Authorization: Bearer b']],
  ['two Idempotency-Key headers', ['Idempotency-Key: a', 'Idempotency-Key: b']],
  ['a Host with a path', ['X: y', 'Host: localhost/v1']],
  ['a GET with a body', ['Content-Length: 3']],
  ['a GET with a chunked body', ['Transfer-Encoding: chunked']],
  ['Content-Length together with Transfer-Encoding', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
  ['two different Content-Length', ['Content-Length: 0', 'Content-Length: 3']],
  ['a header name followed by a blank', ['Content-Length : 3']],
  ['a folded header', ['X-A: b', ' folded']],
];

describe('framing', () => {
  test.each(refusedFramings)('%s: 400', async (_name, lines) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const answer = await rawRequest(gateway.port, 'GET /.well-known/jwks.json HTTP/1.1', lines, 'abc');
    expectRefused(answer);
    expect(upstream.arrived).toEqual([]);
  });

  test('control: some get through a plain proxy', async () => {
    const arriving = await arrivingThroughPlain(refusedFramings, (port, [, lines], mark) =>
      rawRequest(port, 'GET /.well-known/jwks.json HTTP/1.1', [mark, ...lines], 'abc'),
    );
    expect(arriving.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'two Host headers',
        'two Authorization headers',
        'two Idempotency-Key headers',
        'a Host with a path',
        'a GET with a body',
        'a GET with a chunked body',
      ]),
    );
  });

  test('no Host: 400', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const answer = await sendRaw(gateway.port, 'GET /.well-known/jwks.json HTTP/1.1\r\nConnection: close\r\n\r\n');
    expectRefused(answer);
  });

  test('Expect: 100-continue is answered here, and the request passes without it', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const lines = ['Content-Type: application/json', 'Content-Length: 2', 'Expect: 100-continue'];
    const answer = await rawRequest(gateway.port, 'POST /v1/auth/login HTTP/1.1', lines, '{}');
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(upstream.arrived[0]?.body.toString()).toBe('{}');
    expect(upstream.arrived[0]?.headers.expect).toBeUndefined();
  });

  test('a request hidden in a body stays a body', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const hidden = 'GET /v1/users HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const lines = ['Content-Type: application/json', `Content-Length: ${hidden.length}`];
    await rawRequest(gateway.port, 'POST /v1/auth/login HTTP/1.1', lines, hidden);
    expect(upstream.arrived.map(({ url }) => url)).toEqual(['/v1/auth/login']);
    expect(upstream.arrived[0]?.body.toString()).toBe(hidden);
  });
});

describe('what a client says of itself', () => {
  const lies = [
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 1.2.3.4',
    'Forwarded: for=1.2.3.4',
    'X-User-Id: usr_1',
    'X_User_Id: usr_1',
    'x-user: admin',
    'X-Roles: admin',
    'X-Service-Token: abc',
    'X-HTTP-Method-Override: DELETE',
    'X-Original-URL: /internal/revocations',
    'X-Rewrite-URL: /internal/revocations',
    'Proxy-Authorization: Basic abc',
    'Cookie: session=1',
    'TE: trailers',
    'Upgrade: h2c',
  ];

  test('control: through a plain proxy it does', async () => {
    const arriving = await arrivingThroughPlain(
      lies,
      (port, line, mark) => rawRequest(port, 'GET /.well-known/jwks.json HTTP/1.1', [mark, line]),
      ({ headers }, line) => {
        const [name = '', value = ''] = line.toLowerCase().split(': ');
        return String(headers[name]).toLowerCase().includes(value);
      },
    );
    expect(arriving).toEqual(
      expect.arrayContaining(['X-User-Id: usr_1', 'X_User_Id: usr_1', 'X-Roles: admin', 'X-Forwarded-For: 1.2.3.4']),
    );
  });

  test('never reaches a service; the gateway says who calls', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    await rawRequest(gateway.port, 'GET /.well-known/jwks.json HTTP/1.1', [...lies, 'X-Request-Id: r1']);
    const [arrived] = upstream.arrived;
    expect(Object.keys(arrived?.headers ?? {}).sort()).toEqual([
      'connection',
      'host',
      'x-forwarded-for',
      'x-request-id',
    ]);
    expect(arrived?.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-request-id': 'r1' });
    expect(arrived?.headers.host).toBe(new URL(upstream.url).host);
  });

  test.each(['x-forwarded-for', 'x-request-id', 'host', 'content-length', 'close, x-forwarded-for'])(
    'Connection: %s strips nothing that the gateway sets',
    async (named) => {
      const upstream = await startUpstream();
      const gateway = await startGateway(upstream.url);
      const head = ['POST /v1/auth/login HTTP/1.1', 'Host: localhost', `Connection: ${named}`, 'X-Request-Id: r1'];
      const body = ['Content-Type: application/json', 'Content-Length: 2', '', '{}'];
      await sendRaw(gateway.port, [...head, ...body].join('\r\n'));
      expect(upstream.arrived[0]?.headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-request-id': 'r1',
        'content-length': '2',
      });
      expect(upstream.arrived[0]?.body.toString()).toBe('{}');
    },
  );

  test('X-Forwarded-For is believed of a trusted proxy alone', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, { config: { trustedProxies: ['127.0.0.1'] } });
    await rawRequest(gateway.port, 'GET /.well-known/jwks.json HTTP/1.1', ['X-Forwarded-For: 6.6.6.6, 9.8.7.6']);
    expect(upstream.arrived[0]?.headers['x-forwarded-for']).toBe('9.8.7.6');
  });
});
