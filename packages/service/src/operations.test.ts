import { setTimeout as wait } from 'node:timers/promises';
import Type from 'typebox';
import { afterEach, describe, expect, test } from 'vitest';
import { beginDraining } from './health.ts';
import { requiredIdempotencyHeader } from './idempotency.ts';
import { openApiDocument } from './openapi.ts';
import { page, pageQuery } from './pagination.ts';
import { problemResponses } from './problems.ts';
import { body } from './schemas.ts';
import type { Server, ServerOptions } from './server.ts';
import { testServer } from './testing.ts';

let app: Server;
afterEach(() => app.close());

function start(options: Partial<ServerOptions> = {}): Server {
  app = testServer(options);
  return app;
}

describe('health', () => {
  test('live is 200 even when a dependency is away; ready is 503 and names it', async () => {
    start({ readiness: { database: async () => undefined, bus: () => Promise.reject(new Error('canary')) } });
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'ok' });
    const ready = await app.inject('/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toEqual({ status: 'unavailable', checks: { database: 'ok', bus: 'failed' } });
  });

  test('a check that hangs counts as failed after a second', async () => {
    start({ readiness: { database: () => new Promise(() => undefined) } });
    const startedAt = performance.now();
    expect((await app.inject('/health/ready')).statusCode).toBe(503);
    expect(performance.now() - startedAt).toBeLessThan(1500);
  });

  test('draining: ready is 503, live 200, and connections are to be closed', async () => {
    start({ readiness: {} });
    expect((await app.inject('/health/ready')).statusCode).toBe(200);
    beginDraining(app);
    const ready = await app.inject('/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toMatchObject({ status: 'draining' });
    expect((await app.inject('/health/live')).headers.connection).toBe('close');
  });
});

describe('metrics', () => {
  test('requests are measured by route pattern, never by path', async () => {
    start();
    app.get('/measured/:id', async () => ({}));
    await app.inject('/measured/canary-1');
    await app.inject('/unknown-canary-2');
    const { body: text, headers } = await app.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="/measured/:id",status="200"} 1');
    expect(text).toContain('http_request_duration_seconds_count{method="GET",route="unmatched",status="404"}');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    // By timer, it would be there beside ours.
    expect(text).not.toContain('nodejs_eventloop_lag_p99_seconds');
    expect(text).not.toContain('canary');
  });

  test('a turn of the event loop that keeps others waiting is seen once, by the next look', async () => {
    start();
    const longest = async () => {
      const { body: text } = await app.inject('/metrics');
      return Number(/nodejs_eventloop_delay_seconds\{quantile="1"\} (\S+)/.exec(text)?.[1]);
    };
    await longest();
    const until = performance.now() + 150;
    setTimeout(() => {
      while (performance.now() < until);
    });
    await wait(200);
    expect(await longest()).toBeGreaterThan(0.1);
    await wait(20);
    expect(await longest()).toBeLessThan(0.1);
  });

  test('the route can be left out', async () => {
    start({ metricsRoute: false });
    expect((await app.inject('/metrics')).statusCode).toBe(404);
  });
});

interface Document {
  openapi: string;
  tags: unknown;
  security: unknown;
  components: { schemas: Record<string, unknown> };
  paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  security?: unknown;
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}

describe('OpenAPI', () => {
  async function document(): Promise<Document> {
    start({
      openapi: { title: 'Things', description: 'All of them', tags: [{ name: 'things', description: 'Things' }] },
    });
    const thing = Type.Object({ id: Type.String() });
    app.get('/v1/things', { schema: { querystring: pageQuery, response: { 200: page(thing) } } }, async () => ({
      data: [],
      nextCursor: null,
    }));
    const create = {
      operationId: 'createThing',
      headers: requiredIdempotencyHeader,
      body: body({ name: Type.String() }),
      response: { 201: thing, ...problemResponses('validation_failed', 'invalid_cursor', 'conflict') },
    };
    app.post('/v1/things', { schema: create }, async (_request, reply) => reply.code(201).send({ id: 'a' }));
    const params = body({ id: Type.String() });
    const access = { security: [{ bearer: ['things:read'] }], 'x-roles': ['operator'], 'x-api-keys': true };
    app.get('/v1/things/:id', { schema: { params, ...access } as object }, async () => ({}));
    app.get('/v1/open', { schema: { summary: 'Open', security: [] } as object }, async () => ({}));
    app.post('/v1/raw', { config: { rawBody: 'only' }, schema: { summary: 'Raw' } }, async () => ({}));
    const response = await app.inject('/internal/openapi.json');
    expect(openApiDocument(app)).toEqual(response.json());
    return response.json();
  }

  test('is 3.1 and hides what is not for clients', async () => {
    const { openapi, paths, tags, security } = await document();
    expect(openapi).toBe('3.1.0');
    expect(tags).toEqual([{ name: 'things', description: 'Things' }]);
    expect(security).toEqual([{ bearer: [] }]);
    expect(Object.keys(paths)).toEqual(['/v1/things', '/v1/things/{id}', '/v1/open', '/v1/raw']);
  });

  test('errors refer to one Problem', async () => {
    const { components, paths } = await document();
    const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
    expect(Object.keys(components.schemas)).toEqual(['Problem']);
    const responses = paths['/v1/things']?.post?.responses;
    expect(Object.keys(responses ?? {})).toEqual(['201', '400', '409', '413', '415', '503', 'default']);
    expect(responses?.['400']).toEqual({ description: 'validation_failed, invalid_cursor', content: problem });
    expect(responses?.default?.content).toEqual(problem);
  });

  test('what comes before a handler is documented for it: access, path, body, load', async () => {
    const { paths } = await document();
    const codes = Object.values(paths['/v1/things/{id}']?.get?.responses ?? {}).map(({ description }) => description);
    expect(codes).toEqual([
      ...['validation_failed', 'unauthenticated, token_expired', 'forbidden, insufficient_scope'],
      ...['not_found', 'upstream_unavailable', 'Any other error'],
    ]);
    expect(paths['/v1/things/{id}']?.get).toMatchObject({ 'x-roles': ['operator'], 'x-api-keys': true });
    expect(Object.keys(paths['/v1/open']?.get?.responses ?? {})).toEqual(['400', '503', 'default']);
    expect(Object.keys(paths['/v1/raw']?.post?.responses ?? {})).toEqual(['400', '413', '415', '503', 'default']);
  });

  test('a route under /v1/ cannot be hidden', () => {
    start();
    expect(() => app.get('/v1/secret', { schema: { hide: true } }, async () => ({}))).toThrow(
      '/v1/secret is hidden: routes under /v1/ are documented',
    );
  });

  test('parameters with defaults are optional, the Idempotency-Key is required, public routes have no security', async () => {
    const { paths } = await document();
    const list = paths['/v1/things']?.get;
    expect(list?.parameters?.map(({ name, required }) => [name, required ?? false])).toEqual([
      ['limit', false],
      ['cursor', false],
    ]);
    expect(paths['/v1/things']?.post?.parameters).toEqual([
      expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: true }),
    ]);
    expect(paths['/v1/open']?.get?.security).toEqual([]);
    expect(list?.security).toBeUndefined();
  });
});
