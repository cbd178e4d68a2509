import { describe, expect, test } from 'vitest';
import { answerJson, deadUrl, problemOf, startGateway, startUpstream } from './harness.ts';

describe('forwarding', () => {
  test('a request and its answer pass as they are', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) =>
      response
        .writeHead(201, { 'content-type': 'application/json', 'idempotent-replayed': 'true', 'x-internal-shard': '7' })
        .end('{"id":  "txn_1"}');
    const body = '{ "amount" : "12.50",  "note": "é" }';
    const response = await fetch(`${gateway.url}/v1/transfers?dryRun=true&x=a%2Fb`, {
      method: 'POST',
      headers: { ...gateway.bearer, 'content-type': 'application/json', 'idempotency-key': 'k-1' },
      body,
    });
    expect(response.status).toBe(201);
    expect(await response.text()).toBe('{"id":  "txn_1"}');
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    expect(response.headers.get('x-internal-shard')).toBeNull();
    const [arrived] = upstream.arrived;
    expect(arrived).toMatchObject({ method: 'POST', url: '/v1/transfers?dryRun=true&x=a%2Fb' });
    expect(arrived?.body.toString('utf8')).toBe(body);
    expect(arrived?.headers).toMatchObject({
      authorization: gateway.bearer.authorization,
      'content-type': 'application/json',
      'idempotency-key': 'k-1',
      'content-length': String(Buffer.byteLength(body)),
    });
  });

  test("a body that is not JSON passes byte for byte: its parsing is the service's", async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x22, 0x7d]);
    await fetch(`${gateway.url}/v1/webhooks/providers/sandbox`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.provider+json', 'webhook-signature': 'v1,abc', 'webhook-id': 'm1' },
      body: bytes,
    });
    expect(upstream.arrived[0]?.body).toEqual(bytes);
    expect(upstream.arrived[0]?.headers).toMatchObject({
      'content-type': 'application/vnd.provider+json',
      'webhook-signature': 'v1,abc',
      'webhook-id': 'm1',
    });
  });

  test('a POST without a body, a HEAD and a DELETE pass', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const headers = gateway.bearer;
    const posted = await fetch(`${gateway.url}/v1/auth/logout`, { method: 'POST', headers });
    const head = await fetch(`${gateway.url}/v1/me`, { method: 'HEAD', headers });
    const deleted = await fetch(`${gateway.url}/v1/me/sessions/ses_1`, { method: 'DELETE', headers });
    expect([posted.status, head.status, deleted.status]).toEqual([200, 200, 200]);
    expect(upstream.arrived.map(({ method, body }) => [method, body.length])).toEqual([
      ['POST', 0],
      ['HEAD', 0],
      ['DELETE', 0],
    ]);
  });

  test('X-Request-Id is echoed, and reaches the service', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const response = await fetch(`${gateway.url}/v1/me`, { headers: { ...gateway.bearer, 'x-request-id': 'abc-1' } });
    expect(response.headers.get('x-request-id')).toBe('abc-1');
    expect(upstream.arrived[0]?.headers['x-request-id']).toBe('abc-1');
  });
});

describe('answers', () => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_none, byte) => byte));

  test.each([
    ['ASCII', Buffer.from('{"a":"b"}')],
    ['UTF-8', Buffer.from('{"name":"Zoë"}')],
    ['bytes that are no text', everyByte],
    ['nothing', Buffer.alloc(0)],
    ['more than is held at once', Buffer.alloc(1024 * 1024, everyByte)],
  ])('of %s pass byte for byte, with and without a stated length', async (_name, bytes) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = ({ url }, response) => {
      if (url.endsWith('stated')) response.setHeader('content-length', bytes.length);
      else response.setHeader('transfer-encoding', 'chunked');
      response.setHeader('content-type', 'application/octet-stream').end(bytes);
    };
    for (const query of ['stated', 'chunked']) {
      const response = await fetch(`${gateway.url}/v1/me?${query}`, { headers: gateway.bearer });
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  test('a HEAD keeps the length of what a GET would get', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) => response.writeHead(200, { 'content-length': '25' }).end();
    const response = await fetch(`${gateway.url}/v1/me`, { method: 'HEAD', headers: gateway.bearer });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '25']);
  });

  test('one that breaks off is 503 when nothing of it has been passed on', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    upstream.answer = (_request, response) => {
      response.writeHead(201, { 'content-length': '100', 'content-type': 'application/json' }).write('{"half":');
      setTimeout(() => response.destroy(), 50);
    };
    const response = await fetch(`${gateway.url}/v1/accounts`, { method: 'POST', headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
  });

  test('one that stops half-way is 504 within the deadline', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url, {
      routes: [{ method: 'GET', path: '/v1/me', upstream: 'identity', access: {}, limit: 'read', deadlineMs: 400 }],
    });
    upstream.answer = (_request, response) => void response.writeHead(200, { 'content-length': '100' }).write('half');
    const started = performance.now();
    const response = await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 504, code: 'upstream_timeout' });
    expect(performance.now() - started).toBeLessThan(2_500);
  });
});

describe('one client request is one upstream request', () => {
  for (const method of ['GET', 'POST'] as const) {
    test(`${method}: a 503 of the service is its answer and is not asked for again`, async () => {
      const upstream = await startUpstream();
      const gateway = await startGateway(upstream.url);
      upstream.answer = (_request, response) =>
        response
          .writeHead(503, { 'retry-after': '0', 'content-type': 'application/problem+json' })
          .end('{"code":"upstream_unavailable"}');
      const response = await fetch(`${gateway.url}/v1/accounts`, { method, headers: gateway.bearer });
      expect(response.status).toBe(503);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(upstream.arrived).toHaveLength(1);
    });

    test(`${method}: a connection that breaks is 503 and is not tried again`, async () => {
      const upstream = await startUpstream();
      const gateway = await startGateway(upstream.url);
      upstream.answer = (_request, response) => response.destroy();
      const response = await fetch(`${gateway.url}/v1/accounts`, { method, headers: gateway.bearer });
      expect(await problemOf(response)).toMatchObject({ status: 503, code: 'upstream_unavailable' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(upstream.arrived).toHaveLength(1);
    });
  }
});

describe('body limits', () => {
  test('over 64 KiB is 413, with and without a stated length, and never reaches the service', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const big = Buffer.alloc(64 * 1024 + 1, 'x');
    const send = (body: Buffer | ReadableStream) =>
      fetch(`${gateway.url}/v1/transfers`, {
        method: 'POST',
        headers: { ...gateway.bearer, 'content-type': 'application/json' },
        body,
        duplex: 'half',
      } as RequestInit);
    const stated = await send(big);
    const chunked = await send(new Blob([big]).stream());
    expect(await problemOf(stated)).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(await problemOf(chunked)).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(upstream.arrived).toHaveLength(0);
  });

  test('64 KiB pass, and a route may have a limit of its own', async () => {
    const upstream = await startUpstream();
    const base = { method: 'POST', upstream: 'transactions', access: {}, limit: 'write' } as const;
    const gateway = await startGateway(upstream.url, {
      routes: [
        { ...base, path: '/v1/transfers' },
        { ...base, path: '/v1/transfers/batch', bodyLimit: 1024 * 1024 },
      ],
    });
    const send = (path: string, size: number) =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { ...gateway.bearer, 'content-type': 'application/json' },
        body: Buffer.alloc(size, 'x'),
      });
    expect((await send('/v1/transfers', 64 * 1024)).status).toBe(200);
    expect((await send('/v1/transfers/batch', 1024 * 1024)).status).toBe(200);
    expect((await send('/v1/transfers/batch', 1024 * 1024 + 1)).status).toBe(413);
    expect(upstream.arrived.map(({ body }) => body.length)).toEqual([64 * 1024, 1024 * 1024]);
  });
});

describe('a service that is away', () => {
  test('is 503 with Retry-After, and says nothing of where it would be', async () => {
    const url = await deadUrl();
    const gateway = await startGateway(url);
    const response = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(problem)).not.toMatch(/127\.0\.0\.1|ECONN|refused|:\d{4,5}/);
  });

  test('leaves the routes of other services as they were', async () => {
    const dead = await deadUrl();
    const upstream = await startUpstream();
    const urls = { identity: upstream.url, accounts: dead, transactions: dead, notification: dead };
    const gateway = await startGateway(dead, { config: { upstreamUrls: urls } });
    for (let index = 0; index < 20; index += 1) {
      const away = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
      expect(away.status).toBe(503);
    }
    expect((await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer })).status).toBe(200);
  });

  test('a 4xx or 5xx of the service passes as it is', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    for (const status of [404, 409, 422, 500]) {
      upstream.answer = (_request, response) => answerJson(response, status, { code: 'theirs' });
      const response = await fetch(`${gateway.url}/v1/accounts`, { headers: gateway.bearer });
      expect([response.status, await response.json()]).toEqual([status, { code: 'theirs' }]);
    }
  });
});
