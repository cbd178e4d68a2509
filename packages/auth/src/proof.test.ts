import { formatId, newUuid, openApiDocument, type Server } from '@florin/service';
import { testServer } from '@florin/service/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authPlugin } from './auth-plugin.ts';
import { requireUser } from './principal.ts';
import { testIssuer } from './testing.ts';

const { keys, issuer, userToken } = testIssuer();
const now = () => Math.floor(Date.now() / 1000);
let app: Server;

beforeAll(async () => {
  app = testServer();
  authPlugin(app, { keys, issuer, serviceName: 'accounts' });
  const access = { provenWithinSeconds: 300 };
  app.get('/sensitive', { config: { access }, schema: {} }, async () => ({ ok: true }));
  app.get('/scoped', { config: { access: { ...access, scopes: ['accounts:read'] } } }, async () => ({ ok: true }));
  app.get('/me', { config: { access: {} } }, async (request) => requireUser(request));
  await app.ready();
});
afterAll(() => app.close());

const get = (url: string, claims: Record<string, unknown>) =>
  app.inject({ url, headers: { authorization: `Bearer ${userToken({ claims })}` } });

describe('a route that wants a recent proof', () => {
  test.each<[string, () => Record<string, unknown>, number]>([
    ['a proof of now', () => ({ auth_time: now(), amr: ['pwd'] }), 200],
    ['a proof just within the time', () => ({ auth_time: now() - 295 }), 200],
    ['an older one', () => ({ auth_time: now() - 302 }), 403],
    ['none', () => ({}), 403],
    ['an API key, whatever it says', () => ({ auth_time: now(), sid: formatId('key', newUuid()) }), 403],
  ])('%s', async (_name, claims, status) => {
    expect((await get('/scoped', claims())).statusCode).toBe(status);
  });

  test('is 403 step_up_required, a problem of its own, and says so in the document', async () => {
    const answer = await get('/sensitive', { auth_time: now() - 302 });
    expect(answer.json()).toMatchObject({ status: 403, code: 'step_up_required' });
    const { paths } = openApiDocument(app) as { paths: Record<string, { get: object }> };
    expect(paths['/sensitive']?.get).toMatchObject({ 'x-step-up': true });
  });
});

describe('the claims', () => {
  test('say when and how; methods that nobody knows are left out', async () => {
    const at = now() - 7;
    const me = (await get('/me', { auth_time: at, amr: ['pwd', 'otp', 'telepathy'] })).json();
    expect(me).toMatchObject({ provenAt: at, provenBy: ['pwd', 'otp'] });
  });

  test.each([
    ['auth_time', 'now'],
    ['auth_time', null],
    ['amr', 'pwd'],
    ['amr', [1]],
  ])('%s %j makes no caller', async (name, value) => {
    expect((await get('/me', { [name]: value })).statusCode).toBe(401);
  });
});
