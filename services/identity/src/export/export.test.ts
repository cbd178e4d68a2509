import { eventually } from '@florin/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { guardedVisitor } from '../testing/second-factor.ts';
import { codeOf, startIdentity, type TestIdentity, tokensOf, type Visitor } from '../testing/test-identity.ts';
import { startTestLists, type TestLists } from '../testing/test-lists.ts';

interface Export extends Record<string, unknown> {
  auditLog: Record<string, unknown>[];
  transactions: unknown[];
}

let lists: TestLists;
let identity: TestIdentity;
let base: string;
let adminToken: string;
beforeAll(async () => {
  lists = await startTestLists();
  const { url } = lists;
  identity = await startIdentity({ services: { accounts: url, transactions: url, notification: url } });
  base = await identity.app.listen({ host: '127.0.0.1', port: 0 });
  adminToken = (await eventually(() => identity.admin())).accessToken;
});
afterEach(() => {
  lists.items.clear();
  lists.before = async () => undefined;
});
afterAll(async () => {
  await identity.close();
  await lists.close();
});

const download = ({ tokens }: Pick<Visitor, 'tokens'>) =>
  fetch(`${base}/v1/me/export`, { headers: { authorization: `Bearer ${tokens.accessToken}` } });
const numbered = (count: number) => Array.from({ length: count }, (_, number) => ({ number }));

describe('GET /v1/me/export', () => {
  it('200 everything of the caller in one JSON document, without secrets and without anybody else', async () => {
    const visitor = await guardedVisitor(identity);
    const other = await identity.visitor();
    const token = visitor.tokens.accessToken;
    const key = await makeKey(identity, token, { name: 'My program' });
    await identity.call('DELETE', `/v1/api-keys/${key.body.id}`, { token });
    await identity.call('PATCH', `/v1/users/${visitor.id}`, { token: adminToken, body: { kycLevel: 'basic' } });
    for (const path of [
      '/v1/accounts',
      '/v1/payees',
      '/v1/transactions',
      '/v1/holds',
      '/internal/own-payments',
      '/v1/notifications',
      '/v1/webhook-endpoints',
      '/internal/own-webhook-deliveries',
    ]) {
      lists.items.set(path, [{ of: path, text: 'with "quotes", ünïcode and\nlines' }]);
    }
    lists.authorizations.length = 0;
    const answer = await download(visitor);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="florin-export.json"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const text = await answer.text();
    const all = JSON.parse(text) as Export;
    expect(Object.keys(all)).toEqual([
      ...['format', 'exportedAt', 'profile', 'signIn', 'sessions', 'apiKeys', 'passkeys', 'mails', 'auditLog'],
      ...['accounts', 'payees', 'transactions', 'holds', 'payments', 'notifications'],
      ...['webhookEndpoints', 'webhookDeliveries'],
    ]);
    expect(all).toMatchObject({
      format: 'florin.export.v1',
      profile: { id: visitor.id, email: visitor.email, name: 'A Visitor', kycLevel: 'basic', status: 'active' },
      signIn: { secondFactorSince: expect.any(String), recoveryCodesLeft: 10 },
      apiKeys: [{ id: key.body.id, name: 'My program', revokedAt: expect.any(String) }],
      mails: [{ kind: 'verify_email' }],
      payees: [{ of: '/v1/payees', text: 'with "quotes", ünïcode and\nlines' }],
      payments: [{ of: '/internal/own-payments', text: 'with "quotes", ünïcode and\nlines' }],
    });
    const [newest] = all.auditLog;
    expect(newest).toMatchObject({ action: 'user.exported', actor: visitor.id, ip: '127.0.0.1' });
    const changed = all.auditLog.find(({ action }) => action === 'user.changed');
    expect(changed).toMatchObject({ actor: 'staff', resource: visitor.id });
    expect(changed).not.toHaveProperty('ip');
    expect(all.auditLog.map(({ action }) => action)).toContain('api_key.revoked');
    for (const secret of [key.body.secret, visitor.secret, visitor.tokens.refreshToken, ...visitor.recoveryCodes]) {
      expect(text).not.toContain(String(secret));
    }
    expect(text).not.toContain('argon2');
    expect(text).not.toContain(other.id);
    expect(text).not.toContain(other.email);
    expect(new Set(lists.authorizations)).toEqual(new Set([`Bearer ${token}`]));
  });

  it('shows a member of the staff what was done to him, and not what he did to others', async () => {
    const [staff, customer] = [await identity.visitor(), await identity.visitor()];
    await identity.call('PATCH', `/v1/users/${staff.id}`, { token: adminToken, body: { roles: ['operator'] } });
    const tokens = tokensOf(await identity.logIn(staff.email));
    await identity.call('PATCH', `/v1/users/${customer.id}`, { token: tokens.accessToken, body: { kycLevel: 'full' } });
    const text = await (await download({ tokens })).text();
    expect(text).toContain('user.changed');
    expect(text).not.toContain(customer.id);
  });

  it('reads long lists page by page, and a page that fails twice a third time', async () => {
    const visitor = await identity.visitor();
    lists.items.set('/v1/transactions', numbered(1_250));
    let failures = 0;
    lists.before = async (path, cursor) => {
      if (path !== '/v1/transactions' || cursor !== 700 || failures === 2) return undefined;
      failures += 1;
      return 503;
    };
    const { transactions } = (await (await download(visitor)).json()) as Export;
    expect(transactions).toEqual(numbered(1_250));
    expect(failures).toBe(2);
  });

  it('503 when a service gives no first page', async () => {
    const visitor = await identity.visitor();
    lists.before = async (path) => (path === '/v1/holds' ? 503 : undefined);
    const answer = await download(visitor);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'upstream_unavailable' });
  });

  it('breaks off where a page does not come any more: half a document is never taken for a whole one', async () => {
    const visitor = await identity.visitor();
    lists.items.set('/v1/transactions', numbered(300));
    lists.before = async (path, cursor) => (path === '/v1/transactions' && cursor === 200 ? 500 : undefined);
    const answer = await download(visitor);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  });

  it('503 beyond four at once, and a place is free again when one has ended', async () => {
    const visitor = await identity.visitor();
    lists.items.set('/v1/transactions', numbered(150));
    const gate = Promise.withResolvers<undefined>();
    lists.before = (_path, cursor) => (cursor === 0 ? Promise.resolve(undefined) : gate.promise);
    // Their first pages are out; the second ones wait.
    const first = await Promise.all(Array.from({ length: 4 }, () => download(visitor)));
    expect((await download(visitor)).status).toBe(503);
    gate.resolve(undefined);
    for (const answer of first) expect(await answer.json()).toMatchObject({ format: 'florin.export.v1' });
    await eventually(async () => expect((await download(visitor)).status).toBe(200));
  });

  it('403 for an API key, 401 without a token', async () => {
    const visitor = await identity.visitor();
    const { body } = await makeKey(identity, visitor.tokens.accessToken);
    const exchanged = await exchange(identity, String(body.secret));
    const asKey = await identity.call('GET', '/v1/me/export', { token: String(exchanged.body.token) });
    expect([asKey.status, codeOf(asKey)]).toEqual([403, 'forbidden']);
    expect((await identity.call('GET', '/v1/me/export')).status).toBe(401);
  });
});
