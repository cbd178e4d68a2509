import { newApiKeySecret } from '@florin/auth';
import { parseId } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { claimsOf, codeOf, startIdentity, type TestIdentity } from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const uuidOf = (id: unknown) => parseId('key', String(id)) ?? '';

describe('POST /internal/api-keys/exchange', () => {
  it('200 a token of a minute: the user, the key as session, the user’s roles, the key’s scopes', async () => {
    const { id: user, tokens } = await identity.visitor();
    const scopes = ['transactions:read', 'accounts:read'];
    const { id, secret } = (await makeKey(identity, tokens.accessToken, { scopes })).body;
    const { status, body } = await exchange(identity, secret);
    expect(status).toBe(200);
    expect(body).toEqual({ token: expect.any(String), expiresIn: 60, key: { id, ipBound: false } });
    const claims = claimsOf(String(body.token));
    expect(claims).toMatchObject({ sub: user, sid: id, roles: ['customer'], scope: scopes.join(' '), aud: 'florin' });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(60);
    const header = JSON.parse(Buffer.from(String(body.token).split('.')[0] ?? '', 'base64url').toString());
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
  });

  it('the token does not outlive the key', async () => {
    const { tokens } = await identity.visitor();
    const expiresAt = new Date(Date.now() + 20_000).toISOString();
    const { secret } = (await makeKey(identity, tokens.accessToken, { expiresAt })).body;
    const { body } = await exchange(identity, secret);
    expect(Number(claimsOf(String(body.token)).exp) * 1_000).toBeLessThanOrEqual(Date.parse(expiresAt));
    expect(body.expiresIn).toBeLessThanOrEqual(20);
  });

  it('401 with one body: unknown, no secret at all, expired, revoked, disabled user, another address', async () => {
    const { id, tokens } = await identity.visitor();
    const make = async (body: object = {}) => (await makeKey(identity, tokens.accessToken, body)).body;
    const expired = await make();
    const past = new Date(Date.now() - 1_000);
    await identity.db.updateTable('api_keys').set({ expires_at: past }).where('id', '=', uuidOf(expired.id)).execute();
    const revoked = await make();
    await identity.call('DELETE', `/v1/api-keys/${revoked.id}`, { token: tokens.accessToken });
    const bound = await make({ allowedIps: ['198.51.100.0/24', '2001:db8::/32'] });
    const answers = [
      await exchange(identity, newApiKeySecret()),
      await exchange(identity, 'flk_nonsense'),
      await exchange(identity, expired.secret),
      await exchange(identity, revoked.secret),
      await exchange(identity, bound.secret, '192.0.2.1'),
    ];
    expect(await exchange(identity, bound.secret, '198.51.100.9')).toMatchObject({
      status: 200,
      body: { key: { ipBound: true } },
    });
    expect((await exchange(identity, bound.secret, '2001:db8::5')).status).toBe(200);
    const usable = await make();
    await identity.db
      .updateTable('users')
      .set({ status: 'disabled' })
      .where('id', '=', parseId('usr', id) ?? '')
      .execute();
    answers.push(await exchange(identity, usable.secret));
    const bodies = answers.map(({ status, body: { traceId: _own, ...body } }) => JSON.stringify({ status, body }));
    expect(new Set(bodies).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  });

  it('disabling a user or taking a role away revokes the keys for good', async () => {
    const admin = (await identity.admin()).accessToken;
    const change = (id: string, body: object) => identity.call('PATCH', `/v1/users/${id}`, { token: admin, body });
    const disabled = await identity.visitor();
    const one = (await makeKey(identity, disabled.tokens.accessToken)).body;
    await change(disabled.id, { status: 'disabled' });
    await change(disabled.id, { status: 'active' });
    expect((await exchange(identity, one.secret)).status).toBe(401);
    const demoted = await identity.visitor();
    await change(demoted.id, { roles: ['customer', 'operator'] });
    const two = (await makeKey(identity, demoted.tokens.accessToken)).body;
    expect(claimsOf(String((await exchange(identity, two.secret)).body.token)).roles).toEqual(['customer', 'operator']);
    await change(demoted.id, { roles: ['customer'] });
    expect((await exchange(identity, two.secret)).status).toBe(401);
  });

  it('remembers the use, once a minute', async () => {
    const { tokens } = await identity.visitor();
    const { id, secret } = (await makeKey(identity, tokens.accessToken)).body;
    const lastUsed = async () => {
      const { body } = await identity.call('GET', '/v1/api-keys', { token: tokens.accessToken });
      return (body.data as { lastUsedAt: string | null }[])[0]?.lastUsedAt ?? null;
    };
    await Promise.all(Array.from({ length: 5 }, () => exchange(identity, secret)));
    const first = await lastUsed();
    expect(Math.abs(Date.now() - Date.parse(String(first)))).toBeLessThan(10_000);
    await exchange(identity, secret);
    expect(await lastUsed()).toBe(first);
    const earlier = new Date(Date.now() - 61_000);
    await identity.db.updateTable('api_keys').set({ last_used_at: earlier }).where('id', '=', uuidOf(id)).execute();
    await exchange(identity, secret);
    expect(Date.parse(String(await lastUsed()))).toBeGreaterThan(earlier.getTime());
  });

  it('403 for users and other services, 401 without a token', async () => {
    const { tokens } = await identity.visitor();
    const body = { secret: newApiKeySecret(), ip: '192.0.2.1' };
    const call = (token?: string) => identity.call('POST', '/internal/api-keys/exchange', { token, body });
    expect(codeOf(await call(tokens.accessToken))).toBe('forbidden');
    expect(codeOf(await call(await identity.serviceToken('accounts', 'accounts-secret-0123456789')))).toBe('forbidden');
    expect(codeOf(await call())).toBe('unauthenticated');
  });
});
