import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { OpenApiDocument } from '../src/openapi/document.ts';
import { generateDocument } from '../src/openapi/generate.ts';
import { mergeDocuments } from '../src/openapi/merge.ts';
import { type GatewayRoute, routes } from '../src/routes.ts';

const problem = { type: 'object', title: 'Problem' };

function serviceDocument(paths: OpenApiDocument['paths'], schemas: Record<string, unknown> = { Problem: problem }) {
  return { openapi: '3.1.0', info: { title: 'A service', version: '1.0.0' }, paths, components: { schemas } };
}

const empty = serviceDocument({});
const readMe = { operationId: 'readMe', tags: ['me'], responses: { 200: { description: 'The caller' } } };
const logIn = { operationId: 'logIn', responses: { 429: { description: 'account_locked' } } };
const meRoute: GatewayRoute = { method: 'GET', path: '/v1/me', upstream: 'identity', access: 'user', limit: 'read' };
const loginRoute = { ...meRoute, method: 'POST', path: '/v1/auth/login', access: 'public' } as const;

function merge(table: GatewayRoute[], identity: OpenApiDocument, accounts: OpenApiDocument = empty): OpenApiDocument {
  return mergeDocuments(table, { identity, accounts, transactions: empty, notification: empty });
}

describe('the merged document', () => {
  test('has the rows of the route table and what the gateway may answer to them, and no other call', () => {
    const identity = serviceDocument({
      '/v1/me': { get: readMe, delete: { operationId: 'notPublic' } },
      '/v1/auth/login': { post: logIn },
      '/internal/revocations': { get: { operationId: 'listRevocations' } },
    });
    const merged = merge([meRoute, loginRoute], identity);
    expect(Object.keys(merged.paths)).toEqual(['/health', '/health/live', '/health/ready', '/v1/me', '/v1/auth/login']);
    expect(Object.keys(merged.paths['/v1/me'] ?? {})).toEqual(['get']);
    const { security, responses } = merged.paths['/v1/me']?.get ?? {};
    expect(security).toBeUndefined();
    expect(Object.keys(responses ?? {})).toEqual(['200', '401', '429', '503', '504']);
    const login = merged.paths['/v1/auth/login']?.post;
    expect(login?.security).toEqual([]);
    expect(login?.responses?.['429']).toMatchObject({ description: 'account_locked, rate_limited' });
    expect(login?.responses).not.toHaveProperty('401');
  });

  test.each([
    ['a row that its service does not document', [meRoute], serviceDocument({}), empty, 'does not document GET /v1/me'],
    [
      'an operationId used twice',
      [meRoute, { ...meRoute, path: '/v1/accounts', upstream: 'accounts' } as const],
      serviceDocument({ '/v1/me': { get: readMe } }),
      serviceDocument({ '/v1/accounts': { get: readMe } }),
      'operationId readMe',
    ],
    [
      'two schemas under one name',
      [meRoute],
      serviceDocument({ '/v1/me': { get: readMe } }),
      serviceDocument({}, { Problem: { type: 'string' } }),
      'schema Problem of accounts',
    ],
  ])('is refused for %s', (_name, table, identity, accounts, message) => {
    expect(() => merge(table, identity, accounts)).toThrow(message);
  });
});

describe('gateway/openapi.json', () => {
  test('is what the services and the route table make of it: run `node src/openapi/generate.ts`', async () => {
    const committed = await readFile(new URL('../openapi.json', import.meta.url), 'utf8');
    expect(committed).toBe(await generateDocument());
  });

  test('documents every row of the route table', async () => {
    const { paths } = JSON.parse(await generateDocument()) as OpenApiDocument;
    for (const { method, path } of routes) expect(paths[path]).toHaveProperty(method.toLowerCase());
  });
});
