import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../app.ts';
import { makeKey } from '../testing/api-keys.ts';
import { codeAt, guardedVisitor, logInWith, wrongCode } from '../testing/second-factor.ts';
import {
  type Answer,
  claimsOf,
  codeOf,
  password,
  startIdentity,
  type TestIdentity,
  tokensOf,
} from '../testing/test-identity.ts';

interface Shown {
  id: string;
  sequence: number;
  at: string;
  actor: string;
  action: string;
  resource: string;
  details: Record<string, unknown>;
  ip?: string;
}

let identity: TestIdentity;
let adminToken: string;
let auditorToken: string;
beforeAll(async () => {
  identity = await startIdentity();
  adminToken = (await identity.admin()).accessToken;
  const { id, email } = await identity.visitor();
  await change(id, { roles: ['auditor'] });
  auditorToken = tokensOf(await identity.logIn(email)).accessToken;
});
afterAll(() => identity.close());

function change(id: string, body: object): Promise<Answer> {
  return identity.call('PATCH', `/v1/users/${id}`, { token: adminToken, body });
}

function read(query = '', token = auditorToken): Promise<Answer> {
  return identity.call('GET', `/v1/audit-log${query}`, { token });
}

async function entries(filter: Record<string, string> = {}): Promise<Shown[]> {
  const answer = await read(`?${new URLSearchParams({ limit: '100', ...filter })}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.data as Shown[];
}

/** Actions of the entries about a resource, the oldest first. */
async function actions(resource: string): Promise<string[]> {
  return (await entries({ resource })).map(({ action }) => action).reverse();
}

describe('what is written down', () => {
  it('registration, login, wrong password and lock; the client’s address stands on each', async () => {
    const { id, email } = await identity.visitor();
    await identity.logIn(email, 'a wrong password');
    expect(await actions(id)).toEqual(['user.registered', 'login.succeeded', 'login.failed']);
    for (let guess = 0; guess < 12; guess += 1) await identity.logIn(email, 'a wrong password');
    const all = await actions(id);
    expect(all.filter((action) => action === 'login.failed')).toHaveLength(10);
    expect(all.filter((action) => action === 'login.locked')).toHaveLength(1);
    expect((await entries({ resource: id })).every(({ ip }) => ip === '127.0.0.1')).toBe(true);
    expect((await entries({ resource: id, action: 'login.failed' }))[0]).toMatchObject({
      actor: 'anonymous',
      details: { reason: 'invalid_credentials' },
    });
    expect((await entries({ resource: id, action: 'user.registered' }))[0]?.actor).toBe(id);
  });

  it('a guess at an unknown email, and nothing of what was typed', async () => {
    await identity.logIn('correct-horse@battery.example', 'staple staple');
    const [newest] = await entries({ resource: 'unknown' });
    expect(newest).toMatchObject({
      action: 'login.failed',
      actor: 'anonymous',
      details: { reason: 'invalid_credentials' },
    });
    const { rows } = await sql<{ row: string }>`select t::text as row from audit_log t`.execute(identity.db);
    expect(rows.map(({ row }) => row).join('\n')).not.toMatch(/battery|staple/);
  });

  it('logout, the end of another session, and a stolen refresh token', async () => {
    const { id, email, tokens } = await identity.visitor();
    const other = tokensOf(await identity.logIn(email));
    const sid = (token: string) => String(claimsOf(token).sid);
    const token = tokens.accessToken;
    await identity.call('DELETE', `/v1/me/sessions/${sid(other.accessToken)}`, { token });
    await identity.call('DELETE', `/v1/me/sessions/${sid(other.accessToken)}`, { token });
    await identity.call('POST', '/v1/auth/logout', { token });
    expect(await entries({ resource: sid(other.accessToken) })).toMatchObject([
      { action: 'session.ended', actor: id, details: { reason: 'ended_by_user' } },
    ]);
    expect(await entries({ resource: sid(token) })).toMatchObject([{ details: { reason: 'logout' } }]);
    const stolen = tokensOf(await identity.logIn(email));
    await identity.refresh(stolen.refreshToken);
    await identity.refresh(stolen.refreshToken);
    await identity.refresh(stolen.refreshToken);
    expect(await entries({ resource: sid(stolen.accessToken) })).toMatchObject([
      { action: 'session.refresh_token_reused', details: { user: id } },
    ]);
  });

  it('a second factor turned on, asked for, guessed at and turned off', async () => {
    const { id, email, secret, tokens } = await guardedVisitor(identity);
    await identity.logIn(email);
    await logInWith(identity, email, wrongCode(secret));
    await logInWith(identity, email, codeAt(secret));
    const body = { otp: wrongCode(secret) };
    await identity.call('DELETE', '/v1/me/mfa/totp', { token: tokens.accessToken, body });
    await identity.call('DELETE', '/v1/me/mfa/totp', { token: tokens.accessToken, body: { otp: codeAt(secret, 1) } });
    expect((await actions(id)).slice(2)).toEqual([
      'mfa.enabled',
      'login.mfa_required',
      'login.failed',
      'login.succeeded',
      'mfa.failed',
      'mfa.disabled',
    ]);
  });

  it('an API key made and revoked, without its secret', async () => {
    const { id: user, tokens } = await identity.visitor();
    const { id, secret } = (await makeKey(identity, tokens.accessToken)).body;
    await identity.call('DELETE', `/v1/api-keys/${id}`, { token: tokens.accessToken });
    expect(await actions(String(id))).toEqual(['api_key.created', 'api_key.revoked']);
    const [revoked, created] = await entries({ resource: String(id) });
    expect(created).toMatchObject({ actor: user, details: { scopes: ['accounts:read'] } });
    expect(JSON.stringify([revoked, created])).not.toContain(String(secret));
    // People write what they like there, and an entry cannot be taken back.
    expect(JSON.stringify(created)).not.toContain('A program');
  });

  it('a change of roles, status or KYC level: who, whom, before and after; nothing for a change of nothing', async () => {
    const { id } = await identity.visitor();
    const { id: adminId } = (await identity.call('GET', '/v1/me', { token: adminToken })).body;
    await change(id, { roles: ['customer', 'operator'] });
    await change(id, { status: 'disabled', kycLevel: 'full' });
    await change(id, { status: 'disabled' });
    const changes = await entries({ resource: id, action: 'user.changed' });
    expect(changes).toMatchObject([
      {
        actor: adminId,
        details: { before: { status: 'active', kycLevel: 'none' }, after: { status: 'disabled', kycLevel: 'full' } },
      },
      { actor: adminId, details: { before: { roles: ['customer'] }, after: { roles: ['customer', 'operator'] } } },
    ]);
    expect(changes[0]?.details.before).not.toHaveProperty('roles');
    expect((await change(id, { roles: ['nobody'] })).status).toBe(400);
    expect(await entries({ resource: id, action: 'user.changed' })).toHaveLength(2);
  });

  it('a refused change leaves no entry: entry and change are one transaction', async () => {
    const { id: adminId } = (await identity.call('GET', '/v1/me', { token: adminToken })).body;
    expect(codeOf(await change(String(adminId), { status: 'disabled' }))).toBe('conflict');
    expect(await entries({ resource: String(adminId), action: 'user.changed' })).toEqual([]);
  });
});

describe('the client’s address', () => {
  it.each([
    [['127.0.0.1'], '203.0.113.7'],
    [['198.51.100.1'], '127.0.0.1'],
    [[], '127.0.0.1'],
  ])('is what a gateway says, where %j are gateways: %s', async (trustedProxies, ip) => {
    const logger = createLogger({ service: 'identity', level: 'silent' });
    const app = buildApp({ ...identity.resources, logger, trustedProxies });
    const { email } = await identity.visitor();
    const answer = await app.inject({
      method: 'POST',
      url: '/v1/auth/login',
      headers: { 'x-forwarded-for': '203.0.113.7' },
      payload: { email, password },
    });
    await app.close();
    expect(answer.statusCode).toBe(200);
    expect((await entries({ action: 'login.succeeded' }))[0]?.ip).toBe(ip);
  });
});

describe('GET /v1/audit-log', () => {
  it('200 pages through everything once, the newest first, by a sequence without a gap', async () => {
    const seen: Shown[] = [];
    let cursor: unknown = '';
    while (cursor !== null) {
      const { body } = await read(`?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...(body.data as Shown[]));
      cursor = body.nextCursor;
    }
    const newest = seen[0]?.sequence ?? 0;
    expect(newest).toBeGreaterThan(20);
    expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: newest }, (_, index) => newest - index));
    expect(seen.every(({ id }) => /^evt_/.test(id))).toBe(true);
    expect(codeOf(await read('?cursor=bm9uc2Vuc2U'))).toBe('invalid_cursor');
  });

  it('200 filters by actor, action, resource and time', async () => {
    const { id } = await identity.visitor();
    expect((await entries({ actor: id })).map(({ action }) => action)).toEqual(['login.succeeded', 'user.registered']);
    const [login, registration] = await entries({ actor: id });
    const from = login?.at ?? '';
    expect((await entries({ actor: id, from })).map(({ action }) => action)).toEqual(['login.succeeded']);
    expect((await entries({ actor: id, to: from })).map(({ at }) => at)).toEqual([registration?.at]);
    expect(await entries({ actor: id, action: 'nothing' })).toEqual([]);
    for (const query of [
      '?from=yesterday',
      '?actor=',
      '?who=me',
      '?to=2026-13-01T00:00:00Z',
      '?to=2026-12-31T23:59:60Z',
    ]) {
      expect((await read(query)).status, query).toBe(400);
    }
  });

  it('403 for customers, operators and API keys; admins may', async () => {
    const { id, email, tokens } = await identity.visitor();
    expect(codeOf(await read('', tokens.accessToken))).toBe('forbidden');
    await change(id, { roles: ['customer', 'operator'] });
    expect(codeOf(await read('', tokensOf(await identity.logIn(email)).accessToken))).toBe('forbidden');
    expect((await read('', adminToken)).status).toBe(200);
    const { secret } = (await makeKey(identity, auditorToken)).body;
    const service = await identity.serviceToken('gateway', 'gateway-secret-0123456789');
    const exchanged = await identity.call('POST', '/internal/api-keys/exchange', {
      token: service,
      body: { secret, ip: '192.0.2.1' },
    });
    expect(codeOf(await read('', String(exchanged.body.token)))).toBe('forbidden');
    expect((await identity.call('GET', '/v1/audit-log')).status).toBe(401);
  });
});
