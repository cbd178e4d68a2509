import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { codeAt, forgetUsedCodes, guardedVisitor, wrongCode } from '../testing/second-factor.ts';
import { startTestAccounts, type TestAccounts } from '../testing/test-accounts.ts';
import {
  codeOf,
  gatewaySecret,
  password,
  startIdentity,
  type TestIdentity,
  testConfig,
  tokensOf,
  type Visitor,
} from '../testing/test-identity.ts';

let accounts: TestAccounts;
let identity: TestIdentity;
let adminToken: string;
beforeAll(async () => {
  accounts = await startTestAccounts();
  identity = await startIdentity({ services: { ...testConfig.services, accounts: accounts.url } });
  accounts.keys = identity.resources.keyRing;
  adminToken = (await eventually(() => identity.admin())).accessToken;
});
afterEach(() => {
  accounts.decide = () => 'closed';
});
afterAll(async () => {
  await identity.close();
  await accounts.close();
});

const leave = (visitor: Pick<Visitor, 'tokens'>, body: object = { password }) =>
  identity.call('DELETE', '/v1/me', { token: visitor.tokens.accessToken, body });
const erase = (id: string, token = adminToken) => identity.call('POST', `/v1/users/${id}/erase`, { token });
const me = (visitor: Visitor) => identity.call('GET', '/v1/me', { token: visitor.tokens.accessToken });
const read = (id: string) => identity.call('GET', `/v1/users/${id}`, { token: adminToken });

async function auditOf(id: string): Promise<string[]> {
  const query = new URLSearchParams({ resource: id, limit: '100' });
  const { body } = await identity.call('GET', `/v1/audit-log?${query}`, { token: adminToken });
  return (body.data as { action: string }[]).map(({ action }) => action).reverse();
}

async function eventsAbout(id: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { rows } = await sql<{ event: { type: string; data: Record<string, unknown> } }>`
    select event from outbox where event ->> 'subject' = ${id} order by position`.execute(identity.db);
  return rows.map(({ event }) => event);
}

describe('DELETE /v1/me', () => {
  it('204: tokens are dead at once, the id still resolves, the others are told, the email is free', async () => {
    const visitor = await identity.visitor();
    expect((await leave(visitor)).status).toBe(204);
    expect((await me(visitor)).status).toBe(401);
    expect((await identity.refresh(visitor.tokens.refreshToken)).status).toBe(401);
    const login = await identity.logIn(visitor.email);
    const unknown = await identity.logIn('nobody-at-all@example.com');
    expect({ ...login.body, traceId: '' }).toEqual({ ...unknown.body, traceId: '' });
    expect((await read(visitor.id)).body).toEqual({
      id: visitor.id,
      email: null,
      name: null,
      locale: null,
      roles: [],
      status: 'erased',
      emailVerified: false,
      kycLevel: 'none',
      createdAt: expect.any(String),
      erasedAt: expect.any(String),
    });
    expect(await auditOf(visitor.id)).toEqual([
      'user.registered',
      'login.succeeded',
      'user.erasure_requested',
      'user.erased',
    ]);
    const events = await eventsAbout(visitor.id);
    expect(events.map(({ type }) => type).slice(1)).toEqual(['identity.session.revoked.v1', 'identity.user.erased.v1']);
    expect(events.at(-1)?.data).toEqual({ user: visitor.id, erasedAt: expect.stringMatching(/^\d{4}-.*\d{3}Z$/) });
    expect((await leave(visitor)).status).toBe(401);
    const successor = await identity.visitor(visitor.email);
    expect(successor.id).not.toBe(visitor.id);
    expect((await me(successor)).status).toBe(200);
  });

  it('409 conflict while accounts are open: nothing has changed, and it works once they are closed', async () => {
    const visitor = await identity.visitor();
    accounts.decide = () => 'refused';
    const refused = await leave(visitor);
    expect([refused.status, codeOf(refused)]).toEqual([409, 'conflict']);
    expect((await me(visitor)).status).toBe(200);
    expect((await eventsAbout(visitor.id)).map(({ type }) => type)).toEqual(['identity.user.registered.v1']);
    expect((await auditOf(visitor.id)).at(-1)).toBe('user.erasure_refused');
    accounts.decide = () => 'closed';
    expect((await leave(visitor)).status).toBe(204);
    expect(accounts.calls.filter((call) => call.startsWith(visitor.id))).toEqual([
      `${visitor.id} 1`,
      `${visitor.id} 2`,
    ]);
  });

  it('401 invalid_credentials, counted with the wrong passwords of the login', async () => {
    const visitor = await identity.visitor();
    for (let guess = 1; guess <= 10; guess += 1) {
      expect(codeOf(await leave(visitor, { password: 'a wrong password' }))).toBe('invalid_credentials');
    }
    expect(codeOf(await leave(visitor))).toBe('account_locked');
    expect(codeOf(await identity.logIn(visitor.email))).toBe('account_locked');
    expect((await me(visitor)).status).toBe(200);
    expect(accounts.calls.filter((call) => call.startsWith(visitor.id))).toEqual([]);
  });

  it('401 mfa_required and mfa_invalid where a factor is on; a right code is used up', async () => {
    const visitor = await guardedVisitor(identity);
    expect(codeOf(await leave(visitor))).toBe('mfa_required');
    expect(codeOf(await leave(visitor, { password, otp: wrongCode(visitor.secret) }))).toBe('mfa_invalid');
    accounts.decide = () => 'refused';
    const otp = codeAt(visitor.secret);
    expect(codeOf(await leave(visitor, { password, otp }))).toBe('conflict');
    expect(codeOf(await leave(visitor, { password, otp }))).toBe('mfa_invalid');
    accounts.decide = () => 'closed';
    await forgetUsedCodes(identity);
    expect((await leave(visitor, { password, otp: codeAt(visitor.secret) })).status).toBe(204);
  });

  it('409 for staff, 403 for API keys, 400 without a password', async () => {
    const staff = await identity.visitor();
    await identity.call('PATCH', `/v1/users/${staff.id}`, { token: adminToken, body: { roles: ['operator'] } });
    const token = tokensOf(await identity.logIn(staff.email)).accessToken;
    const refused = await identity.call('DELETE', '/v1/me', { token, body: { password } });
    expect([refused.status, codeOf(refused)]).toEqual([409, 'conflict']);
    const visitor = await identity.visitor();
    expect((await leave(visitor, {})).status).toBe(400);
    const key = await makeKey(identity, visitor.tokens.accessToken);
    const exchanged = await exchange(identity, String(key.body.secret));
    const asKey = { token: String(exchanged.body.token), body: { password } };
    expect((await identity.call('DELETE', '/v1/me', asKey)).status).toBe(403);
    expect(accounts.calls.filter((call) => call.startsWith(staff.id))).toEqual([]);
  });

  it('gateways that start later still learn of its sessions and keys', async () => {
    const visitor = await identity.visitor();
    const key = await makeKey(identity, visitor.tokens.accessToken);
    const sessions = await identity.call('GET', '/v1/me/sessions', { token: visitor.tokens.accessToken });
    const [session] = sessions.body.data as { id: string }[];
    expect((await leave(visitor)).status).toBe(204);
    const token = await identity.serviceToken('gateway', gatewaySecret);
    const { body } = await identity.call('GET', '/internal/revocations', { token });
    expect(body.data).toContainEqual({
      session: session?.id,
      revokedAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    expect(body.keys).toContainEqual({
      key: key.body.id,
      revokedAt: expect.any(String),
      expiresAt: expect.any(String),
    });
  });
});

describe('POST /v1/users/{id}/erase', () => {
  it('204, also for a disabled user, and 204 again', async () => {
    const visitor = await identity.visitor();
    await identity.call('PATCH', `/v1/users/${visitor.id}`, { token: adminToken, body: { status: 'disabled' } });
    expect((await erase(visitor.id)).status).toBe(204);
    expect((await erase(visitor.id)).status).toBe(204);
    expect((await read(visitor.id)).body).toMatchObject({ status: 'erased' });
    const change = await identity.call('PATCH', `/v1/users/${visitor.id}`, {
      token: adminToken,
      body: { status: 'active' },
    });
    expect(change.status).toBe(404);
    const listed = await identity.call('GET', '/v1/users?status=erased&limit=100', { token: adminToken });
    expect((listed.body.data as { id: string }[]).map(({ id }) => id)).toContain(visitor.id);
    const all = await identity.call('GET', '/v1/users?limit=100', { token: adminToken });
    expect((all.body.data as { id: string }[]).map(({ id }) => id)).not.toContain(visitor.id);
  });

  it('404 for an unknown id, 409 for staff, oneself too, 403 for everybody but admins', async () => {
    expect((await erase('usr_01h455vb4pex5vsknk084sn02q')).status).toBe(404);
    const { id } = (await identity.call('GET', '/v1/me', { token: adminToken })).body;
    expect((await erase(String(id))).status).toBe(409);
    const [customer, operator] = [await identity.visitor(), await identity.visitor()];
    expect((await erase(operator.id, customer.tokens.accessToken)).status).toBe(403);
    await identity.call('PATCH', `/v1/users/${operator.id}`, { token: adminToken, body: { roles: ['operator'] } });
    const token = tokensOf(await identity.logIn(operator.email)).accessToken;
    expect((await erase(customer.id, token)).status).toBe(403);
    expect((await erase(operator.id)).status).toBe(409);
  });
});
