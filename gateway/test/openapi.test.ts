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
const forUsers = { security: [{ bearer: [] }], 'x-api-keys': false };
const readMe = { operationId: 'readMe', tags: ['me'], ...forUsers, responses: { 200: { description: 'The caller' } } };
const logIn = { operationId: 'logIn', security: [], responses: { 429: { description: 'account_locked' } } };
const meRoute: GatewayRoute = { method: 'GET', path: '/v1/me', upstream: 'identity', access: {}, limit: 'read' };
const loginRoute = { ...meRoute, method: 'POST', path: '/v1/auth/login', access: 'public' } as const;

function merge(table: GatewayRoute[], identity: OpenApiDocument, accounts: OpenApiDocument = empty): OpenApiDocument {
  return mergeDocuments(table, { identity, accounts, transactions: empty, notification: empty });
}

describe('the merged document', () => {
  test('has the rows of the route table and what the gateway may answer to them, and no other call', () => {
    const identity = serviceDocument({
      '/v1/me': { get: readMe },
      '/v1/auth/login': { post: logIn },
      '/internal/revocations': { get: { operationId: 'listRevocations' } },
    });
    const merged = merge([meRoute, loginRoute], identity);
    expect(Object.keys(merged.paths)).toEqual(['/health', '/health/live', '/health/ready', '/v1/me', '/v1/auth/login']);
    expect(Object.keys(merged.paths['/v1/me'] ?? {})).toEqual(['get']);
    const { security, responses } = merged.paths['/v1/me']?.get ?? {};
    expect(security).toEqual([{ bearer: [] }]);
    expect(Object.keys(responses ?? {})).toEqual(['200', '401', '429', '503', '504']);
    const login = merged.paths['/v1/auth/login']?.post;
    expect(login?.security).toEqual([]);
    expect(login?.responses?.['429']).toMatchObject({ description: 'account_locked, rate_limited' });
    expect(login?.responses).not.toHaveProperty('401');
  });

  const operator: GatewayRoute = { ...meRoute, access: { roles: ['operator'], scopes: ['accounts:read'] } };
  const forOperators = { security: [{ bearer: ['accounts:read'] }], 'x-roles': ['operator'], 'x-api-keys': true };
  const merged = (route: GatewayRoute, asked: object) => () =>
    merge([route], serviceDocument({ '/v1/me': { get: { ...readMe, ...asked } } }));

  test('takes a row and an operation that ask for the same', () => {
    expect(merged(operator, forOperators)).not.toThrow();
    expect(merged({ ...meRoute, access: { apiKeys: true } }, { 'x-api-keys': true })).not.toThrow();
    expect(merged({ ...meRoute, access: { stepUp: true } }, { 'x-step-up': true })).not.toThrow();
  });

  test.each<[string, GatewayRoute, object]>([
    ['a role that the service does not check', operator, { ...forOperators, 'x-roles': undefined }],
    ['another role', operator, { ...forOperators, 'x-roles': ['auditor'] }],
    ['a role more', operator, { ...forOperators, 'x-roles': ['operator', 'customer'] }],
    ['a scope that the service does not check', operator, { ...forOperators, security: [{ bearer: [] }] }],
    ['another scope', operator, { ...forOperators, security: [{ bearer: ['accounts:write'] }] }],
    ['a role that the table does not name', meRoute, { 'x-roles': ['operator'] }],
    ['a scope that the table does not name', meRoute, { security: [{ bearer: ['accounts:read'] }] }],
    ['API keys let in by the service alone', meRoute, { 'x-api-keys': true }],
    ['API keys let in by the table alone', { ...meRoute, access: { apiKeys: true } }, {}],
    ['a recent proof asked for by the table alone', { ...meRoute, access: { stepUp: true } }, {}],
    ['a service that lets anyone in', meRoute, { security: [] }],
    ['a table that lets anyone in', { ...meRoute, access: 'public' }, {}],
    ['an operation that does not say who may call', meRoute, { security: undefined, 'x-api-keys': undefined }],
  ])('is refused for %s', (_name, route, asked) => {
    expect(merged(route, asked)).toThrow(/^GET \/v1\/me: the table says .+; identity checks .+$/);
  });

  test.each([
    ['a row that its service does not document', [meRoute], serviceDocument({}), empty, 'does not document GET /v1/me'],
    [
      'a documented call without a row',
      [meRoute],
      serviceDocument({ '/v1/me': { get: readMe, delete: { ...readMe, operationId: 'deleteMe' } } }),
      empty,
      'identity DELETE /v1/me has no row in the route table',
    ],
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
