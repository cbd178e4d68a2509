import { formatId, newUuid, openApiDocument, type Server } from '@florin/service';
import { testServer } from '@florin/service/testing';
import Type from 'typebox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Access, type AccessDescription, describeAccess } from './access.ts';
import { authPlugin } from './auth-plugin.ts';
import { allRoles, allScopes, type Role, requireUser, type Scope } from './principal.ts';
import { testIssuer } from './testing.ts';

const { keys, issuer, userToken, serviceToken } = testIssuer();
const routes: Record<string, Access> = {
  '/public': 'public',
  '/any-user': {},
  '/read': { scopes: ['accounts:read'] },
  '/read-write': { scopes: ['accounts:read', 'accounts:write'] },
  '/operator': { roles: ['operator'] },
  '/operator-or-auditor': { roles: ['operator', 'auditor'] },
  '/both': { roles: ['operator'], scopes: ['accounts:write'] },
  '/any-user-or-key': { apiKeys: true },
  '/gateway': { services: ['gateway', 'accounts'] },
};
let app: Server;

function start(): Server {
  const server = testServer();
  authPlugin(server, { keys, issuer, serviceName: 'accounts' });
  return server;
}

beforeAll(async () => {
  app = start();
  for (const [url, access] of Object.entries(routes))
    app.get(url, { config: { access }, schema: {} }, async () => ({ ok: true }));
  const body = Type.Object({ name: Type.String() }, { additionalProperties: false });
  app.post('/write', { config: { access: { scopes: ['accounts:write'] } }, schema: { body } }, async () => ({}));
  app.get('/me', { config: { access: {} } }, async (request) => ({ id: requireUser(request).userId }));
  app.get('/me-publicly', { config: { access: 'public' } }, async (request) => ({ id: requireUser(request).userId }));
  await app.ready();
});
afterAll(() => app.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('who may call what', () => {
  const user = (roles: Role[], scopes?: Scope[]) => userToken(scopes ? { roles, scopes } : { roles });
  const apiKey = (roles: Role[], scopes: Scope[]) =>
    userToken({ roles, scopes, claims: { sid: formatId('key', newUuid()) } });
  test.each<[string, string, () => string, number, string | undefined]>([
    ['any customer', '/any-user', () => user(['customer'], []), 200, undefined],
    ['a service', '/any-user', () => serviceToken('gateway', 'accounts'), 403, 'forbidden'],
    ['the scope', '/read', () => user(['customer'], ['accounts:read']), 200, undefined],
    ['another scope', '/read', () => user(['customer'], ['accounts:write']), 403, 'insufficient_scope'],
    ['an admin without the scope', '/read', () => user(['admin'], []), 403, 'insufficient_scope'],
    ['one of two scopes', '/read-write', () => user(['customer'], ['accounts:read']), 403, 'insufficient_scope'],
    ['both scopes', '/read-write', () => user(['customer']), 200, undefined],
    ['a customer', '/operator', () => user(['customer']), 403, 'forbidden'],
    ['no role', '/operator', () => user([]), 403, 'forbidden'],
    ['an operator', '/operator', () => user(['operator']), 200, undefined],
    ['an auditor', '/operator', () => user(['auditor']), 403, 'forbidden'],
    ['an admin', '/operator', () => user(['admin']), 200, undefined],
    ['any of two roles', '/operator-or-auditor', () => user(['auditor']), 200, undefined],
    ['an API key', '/any-user', () => apiKey(['customer'], ['accounts:read']), 403, 'forbidden'],
    ['an API key', '/any-user-or-key', () => apiKey(['customer'], []), 200, undefined],
    ['an API key with the scope', '/read', () => apiKey(['customer'], ['accounts:read']), 200, undefined],
    ['an API key without it', '/read', () => apiKey(['customer'], ['accounts:write']), 403, 'insufficient_scope'],
    ['an API key of an admin', '/operator', () => apiKey(['admin'], [...allScopes]), 403, 'forbidden'],
    ['an API key with role and scope', '/both', () => apiKey(['operator'], ['accounts:write']), 200, undefined],
    ['role and scope', '/both', () => user(['operator']), 200, undefined],
    ['the role alone', '/both', () => user(['operator'], []), 403, 'insufficient_scope'],
    ['the scope alone', '/both', () => user(['customer']), 403, 'forbidden'],
    ['a named service', '/gateway', () => serviceToken('accounts', 'accounts'), 200, undefined],
    ['another service', '/gateway', () => serviceToken('notification', 'accounts'), 403, 'forbidden'],
    ['an admin as a service', '/gateway', () => user(['admin']), 403, 'forbidden'],
    ['a bad token on a public route', '/public', () => 'x', 200, undefined],
  ])('%s on %s', async (_name, url, token, status, code) => {
    const response = await app.inject({ url, headers: bearer(token()) });
    expect(response.statusCode).toBe(status);
    expect(response.json().code).toBe(code);
  });

  test('HEAD is guarded like GET', async () => {
    expect((await app.inject({ method: 'HEAD', url: '/read' })).statusCode).toBe(401);
    expect((await app.inject({ method: 'HEAD', url: '/read', headers: bearer(userToken()) })).statusCode).toBe(200);
  });

  test('requireUser gives the user, and refuses where nobody was asked for', async () => {
    const userId = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect((await app.inject({ url: '/me', headers: bearer(userToken({ userId })) })).json()).toEqual({ id: userId });
    expect((await app.inject({ url: '/me-publicly' })).json().code).toBe('unauthenticated');
  });
});

describe('the OpenAPI document says who may call', () => {
  const callers = allRoles.flatMap((role) =>
    [[], ['accounts:read'], ['accounts:write'], [...allScopes]].flatMap((scopes) =>
      ['ses', 'key'].map((kind) => ({ role, scopes: scopes as Scope[], kind: kind as 'ses' | 'key' })),
    ),
  );

  function predicted(description: AccessDescription, { role, scopes, kind }: (typeof callers)[number]): boolean {
    const { security, 'x-roles': roles, 'x-api-keys': apiKeys, 'x-services': services } = description;
    const [needs] = security;
    if (!needs) return true;
    const hasRole = !roles || role === 'admin' || roles.includes(role);
    const hasScopes = needs.bearer.every((scope) => scopes.some((own) => own === scope));
    return !services && hasRole && hasScopes && (kind === 'ses' || apiKeys === true);
  }

  test.each(Object.keys(routes))('%s, and every caller is treated as it says', async (url) => {
    const { paths } = openApiDocument(app) as { paths: Record<string, { get: AccessDescription }> };
    const description = paths[url]?.get;
    if (!description) throw new Error(`${url} is not documented`);
    for (const caller of callers) {
      const { role, scopes, kind } = caller;
      const token = userToken({ roles: [role], scopes, claims: { sid: formatId(kind, newUuid()) } });
      const { statusCode } = await app.inject({ url, headers: bearer(token) });
      expect([caller, statusCode]).toEqual([caller, predicted(description, caller) ? 200 : 403]);
    }
  });

  test('as the one description that an Access has', () => {
    expect(describeAccess('public')).toEqual({ security: [] });
    expect(describeAccess({})).toEqual({ security: [{ bearer: [] }], 'x-api-keys': false });
    expect(describeAccess({ roles: ['auditor'], scopes: ['accounts:read'] })).toEqual({
      security: [{ bearer: ['accounts:read'] }],
      'x-roles': ['auditor'],
      'x-api-keys': true,
    });
    expect(describeAccess({ scopes: ['accounts:write'], provenWithinSeconds: 300 })).toEqual({
      security: [{ bearer: ['accounts:write'] }],
      'x-api-keys': false,
      'x-step-up': true,
    });
    expect(describeAccess({ services: ['gateway'] })).toEqual({
      security: [{ bearer: [] }],
      'x-services': ['gateway'],
    });
  });
});

describe('order', () => {
  const write = (headers: Record<string, string>, payload: string) =>
    app.inject({ method: 'POST', url: '/write', headers: { 'content-type': 'application/json', ...headers }, payload });

  test('401 before 403 before 413, 415 and 400', async () => {
    expect((await write({}, '{bad')).statusCode).toBe(401);
    expect((await write(bearer(userToken({ scopes: [] })), '{bad')).json().code).toBe('insufficient_scope');
    expect((await write({}, 'x'.repeat(70_000))).statusCode).toBe(401);
    expect((await write(bearer(userToken()), '{bad')).json().code).toBe('validation_failed');
    expect((await write(bearer(userToken()), '{"name":"a"}')).statusCode).toBe(200);
  });

  test('unknown paths are 404 and 405 with and without a token', async () => {
    expect((await app.inject('/nothing')).statusCode).toBe(404);
    expect((await app.inject({ method: 'DELETE', url: '/read' })).statusCode).toBe(405);
  });

  test('health is open', async () => expect((await app.inject('/health/ready')).statusCode).toBe(200));
});

describe('routes', () => {
  test('a route without access does not start', async () => {
    const server = start();
    expect(() => server.get('/forgotten', async () => ({}))).toThrow(
      'GET /forgotten does not say who may call it: set config.access',
    );
    await server.close();
  });

  test('a route in a nested plugin without access does not start', async () => {
    const server = start();
    server.register(async (nested) => {
      nested.post('/forgotten', async () => ({}));
    });
    await expect(server.ready()).rejects.toThrow('POST /forgotten does not say who may call it');
  });

  test('a route that was added before access control stays closed', async () => {
    const server = testServer();
    server.get('/early', async () => ({ ok: true }));
    authPlugin(server, { keys, issuer, serviceName: 'accounts' });
    expect((await server.inject('/early')).statusCode).toBe(500);
    await server.close();
  });
});
