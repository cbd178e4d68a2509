import { formatId, newUuid } from '@florin/service';
import { testServer } from '@florin/service/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authPlugin } from './auth-plugin.ts';
import type { KeySource } from './keys.ts';
import type { UserPrincipal } from './principal.ts';
import { testIssuer } from './testing.ts';
import { VerifiedTokens } from './verified-tokens.ts';

const issuer = testIssuer();

/** An app whose GET / gives the caller, and how often its keys were asked for. */
async function startApp(keys: KeySource) {
  const app = testServer();
  authPlugin(app, { keys, issuer: issuer.issuer, serviceName: 'trial' });
  app.get('/', { config: { access: {} } }, async (request) => request.principal);
  await app.ready();
  onTestFinished(() => app.close());
  return (token: string) => app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } });
}

describe('a token that has been verified', () => {
  test('names the same caller the second time', async () => {
    const call = await startApp(issuer.keys);
    const token = issuer.userToken({ roles: ['operator'], scopes: ['accounts:read'] });
    const [first, second] = [await call(token), await call(token)];
    expect(second.json()).toEqual(first.json());
    expect(second.json()).toMatchObject({ roles: ['operator'], scopes: ['accounts:read'] });
  });

  test('is refused from the moment its key is withdrawn or replaced', async () => {
    const other = testIssuer();
    const kid = issuer.jwks.keys[0]?.kid ?? '';
    let find: KeySource['find'] = issuer.keys.find;
    const call = await startApp({ find: (id) => find(id) });
    const token = issuer.userToken();
    expect((await call(token)).statusCode).toBe(200);
    find = async () => undefined;
    expect((await call(token)).statusCode).toBe(401);
    find = async (id) => (id === kid ? other.keys.find(other.jwks.keys[0]?.kid ?? '') : undefined);
    expect((await call(token)).statusCode).toBe(401);
    find = issuer.keys.find;
    expect((await call(token)).statusCode).toBe(200);
  });

  test('lends nothing to one that differs in its signature', async () => {
    const call = await startApp(issuer.keys);
    const token = issuer.userToken();
    expect((await call(token)).statusCode).toBe(200);
    const forged = token.slice(0, -2) + (token.endsWith('AA') ? 'BB' : 'AA');
    expect((await call(forged)).statusCode).toBe(401);
  });
});

describe('the memory of verified tokens', () => {
  const principal = (): UserPrincipal => {
    const userId = newUuid();
    return { kind: 'user', id: formatId('usr', userId), userId, sessionId: 'ses_1', roles: [], scopes: [] };
  };
  const entry = (expiresAt = Date.now() + 1000) => ({ principal: principal(), kid: 'k', key: 'pem', expiresAt });

  test('holds no more than its capacity and forgets the oldest first', () => {
    const memory = new VerifiedTokens(2);
    for (const name of ['a', 'b', 'c']) memory.add(name, entry());
    expect(['a', 'b', 'c'].map((name) => memory.find(name) !== undefined)).toEqual([false, true, true]);
  });

  test('has nothing of an expired token', () => {
    const memory = new VerifiedTokens(2);
    memory.add('a', entry(Date.now() - 1));
    expect(memory.find('a')).toBeUndefined();
  });

  test('cannot be changed by a request that is given it', () => {
    const memory = new VerifiedTokens(2);
    memory.add('a', entry());
    const found = memory.find('a')?.principal as UserPrincipal;
    expect(() => found.roles.push('admin')).toThrow(TypeError);
    expect(() => Object.assign(found, { id: 'usr_2' })).toThrow(TypeError);
  });
});
