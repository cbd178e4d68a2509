import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problem } from './problems.ts';
import type { Server } from './server.ts';
import { collectingLogger, testServer } from './testing.ts';

const { logger, lines } = collectingLogger();
let app: Server;

beforeAll(async () => {
  app = testServer({ logger });
  const answer = { schema: { response: { 200: Type.Object({ name: Type.String() }) } } };
  app.get('/things/:id', answer, async () => ({ name: 'thing', passwordHash: 'canary-9' }));
  app.put('/things/:id', async () => ({}));
  app.get('/files/*', async () => ({}));
  app.get('/wrong-answer', answer, async () => ({ secret: 'canary-8' }) as unknown as { name: string });
  app.get('/fails', async () => {
    throw new Error('canary-1 password=hunter2');
  });
  app.get('/fails-oddly', async () => {
    throw 'canary-2';
  });
  app.get('/refuses', async () => {
    throw problem('account_locked', 'Locked for a while.', { retryAfterSeconds: 1.2, cause: new Error('canary-3') });
  });
  app.get('/database-away', async () => {
    throw Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:5432'), { code: 'ECONNREFUSED' });
  });
  app.get('/database-stopping', async () => {
    throw Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
  });
  app.get('/database-slow', async () => {
    throw Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
  });
  app.get('/connection-broken', async () => {
    throw new Error('Client has encountered a connection error and is not queryable');
  });
  app.get('/nested', async () => {
    const inner = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })], '');
    throw new Error('query failed', { cause: inner });
  });
  app.get('/cached', async (_request, reply) => reply.header('Cache-Control', 'public, max-age=60').send({}));
  await app.ready();
});
afterAll(() => app.close());

describe('unknown paths and methods', () => {
  test('an unknown path is 404 not_found, whatever its body is', async () => {
    const response = await app.inject({
      method: 'POST',
      url: '/nothing?token=canary-4',
      payload: '{bad',
      headers: { 'content-type': 'text/weird' },
    });
    expect(response.statusCode).toBe(404);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.json()).toEqual({
      type: 'https://florin.dev/problems/not-found',
      title: 'Not found',
      status: 404,
      code: 'not_found',
      detail: 'There is nothing here.',
      instance: '/nothing',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test.each(['POST', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'] as const)(
    '%s on a path of other methods is 405 with Allow',
    async (method) => {
      const response = await app.inject({ method: method as 'POST', url: '/things/7?x=1' });
      expect(response.statusCode).toBe(405);
      expect(response.headers.allow).toBe('GET, HEAD, PUT');
      expect(response.json()).toMatchObject({ code: 'method_not_allowed' });
    },
  );

  test.each([
    ['/things', 404],
    ['/things/', 404],
    ['/things/7/', 404],
    ['/things/7/8', 404],
    ['/files/a/b', 405],
    ['/thingsx7', 404],
  ])('POST %s is %i', async (url, status) => {
    expect((await app.inject({ method: 'POST', url })).statusCode).toBe(status);
  });
});

describe('errors', () => {
  test.each(['/fails', '/fails-oddly', '/wrong-answer'])('%s is 500 internal_error that tells nothing', async (url) => {
    const response = await app.inject(url);
    expect(response.statusCode).toBe(500);
    expect(response.json()).toMatchObject({ code: 'internal_error', title: 'Internal error' });
    expect(response.body).not.toMatch(/canary|hunter2|name|stack|\.ts/);
  });

  test('an unexpected error is in the log with its traceId', async () => {
    const response = await app.inject('/fails');
    const logged = lines.find(({ msg, traceId }) => msg === 'request failed' && traceId === response.json().traceId);
    expect(logged).toMatchObject({ level: 50, err: { message: 'canary-1 password=hunter2' } });
  });

  test('a problem is answered as it is, with Retry-After rounded up and no cause', async () => {
    const response = await app.inject('/refuses');
    expect(response.statusCode).toBe(429);
    expect(response.headers['retry-after']).toBe('2');
    expect(response.json()).toMatchObject({ code: 'account_locked', detail: 'Locked for a while.' });
    expect(response.body).not.toContain('canary');
  });

  test.each([...['/database-away', '/database-stopping', '/database-slow', '/connection-broken', '/nested']])(
    '%s is 503 upstream_unavailable',
    async (url) => {
      const response = await app.inject(url);
      expect(response.statusCode).toBe(503);
      expect(response.headers['retry-after']).toBe('1');
      expect(response.json()).toMatchObject({ code: 'upstream_unavailable' });
      expect(response.body).not.toContain('10.1.2.3');
    },
  );
});

describe('headers', () => {
  test.each(['/things/1', '/nothing', '/fails', '/health/live'])('%s is not cached and not sniffed', async (url) => {
    const { headers } = await app.inject(url);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  test('a handler may allow caching', async () => {
    expect((await app.inject('/cached')).headers['cache-control']).toBe('public, max-age=60');
  });

  test('X-Request-Id is echoed where it is sound', async () => {
    const { headers } = await app.inject({ url: '/things/1', headers: { 'x-request-id': 'a/b~1' } });
    expect(headers['x-request-id']).toBe('a/b~1');
  });

  test.each(['', 'a b', 'é', 'x'.repeat(129)])('X-Request-Id %j is replaced', async (id) => {
    const { headers } = await app.inject({ url: '/nothing', headers: { 'x-request-id': id } });
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('the trace of traceparent is in the problem', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    expect((await app.inject({ url: '/nothing', headers: { traceparent } })).json().traceId).toBe(traceId);
    const zero = `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`;
    expect((await app.inject({ url: '/nothing', headers: { traceparent: zero } })).json().traceId).not.toBe(
      '0'.repeat(32),
    );
  });
});

describe('answers and log', () => {
  test('fields outside the response schema are not sent', async () => {
    expect((await app.inject('/things/1')).body).toBe('{"name":"thing"}');
  });

  test('one line per request: route, status and ids, and neither query nor headers', async () => {
    lines.length = 0;
    await app.inject({
      url: '/things/canary-5?token=canary-6',
      headers: { authorization: 'Bearer canary-7', 'x-request-id': 'request-1' },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      method: 'GET',
      route: '/things/:id',
      status: 400,
      code: 'validation_failed',
      ms: expect.any(Number),
      requestId: 'request-1',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});
