import { isApiKeySecret } from '@florin/auth';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchange, makeKey } from '../testing/api-keys.ts';
import { codeOf, startIdentity, type TestIdentity } from '../testing/test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const list = async (token: string, query = '') =>
  (await identity.call('GET', `/v1/api-keys${query}`, { token })).body as {
    data: Record<string, unknown>[];
    nextCursor: string | null;
  };
const revoke = (token: string, id: unknown) => identity.call('DELETE', `/v1/api-keys/${id}`, { token });

describe('POST /v1/api-keys', () => {
  it('201 with the contract’s fields and a secret that scanners can recognise', async () => {
    const { tokens } = await identity.visitor();
    const body = {
      scopes: ['transactions:read', 'accounts:read'],
      expiresAt: '2040-01-01T01:00:00+01:00',
      allowedIps: ['192.0.2.0/24', '2001:db8::1'],
    };
    const answer = await makeKey(identity, tokens.accessToken, body);
    expect(answer.status).toBe(201);
    const secret = String(answer.body.secret);
    expect(isApiKeySecret(secret)).toBe(true);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'A program',
      scopes: body.scopes,
      prefix: secret.slice(0, 12),
      secret,
      expiresAt: '2040-01-01T00:00:00.000Z',
      allowedIps: body.allowedIps,
      createdAt: expect.any(String),
      lastUsedAt: null,
    });
    const { secret: _secret, ...shown } = answer.body;
    expect((await list(tokens.accessToken)).data).toEqual([shown]);
    expect((await makeKey(identity, tokens.accessToken)).body).toMatchObject({ expiresAt: null, allowedIps: null });
  });

  it('the secret is nowhere in the database or the log, not even in the kept answer of an Idempotency-Key', async () => {
    const { tokens } = await identity.visitor();
    const headers = { 'idempotency-key': newUuid() };
    const secret = String((await makeKey(identity, tokens.accessToken, {}, headers)).body.secret);
    const { rows: tables } = await sql<{ name: string }>`select table_name as name from information_schema.tables
      where table_schema = 'identity'`.execute(identity.db);
    expect(tables.length).toBeGreaterThan(8);
    for (const { name } of tables) {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(name)} t`.execute(identity.db);
      const text = rows.map(({ row }) => row).join('\n');
      for (const spelling of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')]) {
        expect(text.includes(spelling), name).toBe(false);
      }
    }
    expect(identity.logs().includes(secret)).toBe(false);
  });

  it('a replay gives the same bytes, secret included; one key from ten parallel requests; 422 for another body', async () => {
    const { tokens } = await identity.visitor();
    const headers = { 'idempotency-key': newUuid() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => makeKey(identity, tokens.accessToken, {}, headers)),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.body.secret).toMatch(/^flk_/);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true')).toHaveLength(9);
    expect((await list(tokens.accessToken)).data).toHaveLength(1);
    expect(codeOf(await makeKey(identity, tokens.accessToken, { name: 'Other' }, headers))).toBe(
      'idempotency_key_reused',
    );
    const other = await identity.visitor();
    const others = await makeKey(identity, other.tokens.accessToken, {}, headers);
    expect(others.body.id).not.toBe(answers[0]?.body.id);
  });

  it('a replay after the key’s expiry still gives the first answer', async () => {
    const { tokens } = await identity.visitor();
    const headers = { 'idempotency-key': newUuid() };
    const body = { expiresAt: new Date(Date.now() + 600).toISOString() };
    const first = await makeKey(identity, tokens.accessToken, body, headers);
    expect(first.status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await makeKey(identity, tokens.accessToken, body, headers)).text).toBe(first.text);
  });

  it.each([
    [{ scopes: [] }, '/scopes'],
    [{ scopes: ['accounts:read', 'accounts:read'] }, '/scopes'],
    [{ scopes: ['everything'] }, '/scopes/0'],
    [{ name: '' }, '/name'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    [{ expiresAt: 'tomorrow' }, '/expiresAt'],
    [{ expiresAt: '2040-12-31T23:59:60Z' }, '/expiresAt'],
    [{ allowedIps: [] }, '/allowedIps'],
    [{ allowedIps: ['192.0.2.1', '192.0.2.0/33'] }, '/allowedIps/1'],
    [{ allowedIps: ['example.com'] }, '/allowedIps/0'],
    [{ secret: 'mine' }, '/secret'],
  ])('400 validation_failed %j', async (body, pointer) => {
    const { tokens } = await identity.visitor();
    const answer = await makeKey(identity, tokens.accessToken, body);
    expect(answer.body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ pointer }] });
    expect((await list(tokens.accessToken)).data).toEqual([]);
  });

  it('403 for an API key: it makes no keys, lists and revokes none, and ends no session; 401 without a login', async () => {
    const { tokens } = await identity.visitor();
    const made = await makeKey(identity, tokens.accessToken);
    const { token } = (await exchange(identity, made.body.secret)).body as { token: string };
    const answers = [
      await makeKey(identity, token),
      await identity.call('GET', '/v1/api-keys', { token }),
      await revoke(token, made.body.id),
      await identity.call('GET', '/v1/me/sessions', { token }),
      await identity.call('DELETE', `/v1/me/sessions/${formatId('ses', newUuid())}`, { token }),
      await identity.call('POST', '/v1/auth/logout', { token }),
      await identity.call('PATCH', '/v1/me', { token, body: { name: 'Other' } }),
    ];
    expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual(Array(7).fill('403 forbidden'));
    expect((await identity.call('GET', '/v1/me', { token })).status).toBe(200);
    expect((await makeKey(identity, 'a.b.c')).status).toBe(401);
  });
});

describe('GET /v1/api-keys · DELETE /v1/api-keys/{id}', () => {
  it('200 pages through the caller’s keys, the newest first, and no others', async () => {
    const { tokens } = await identity.visitor();
    await makeKey(identity, (await identity.visitor()).tokens.accessToken);
    const ids: unknown[] = [];
    for (let made = 0; made < 3; made += 1) ids.unshift((await makeKey(identity, tokens.accessToken)).body.id);
    const first = await list(tokens.accessToken, '?limit=2');
    const second = await list(tokens.accessToken, `?limit=2&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
  });

  it('204 revokes at once, 204 again; the event is out, the list for gateways has it, and it is no longer shown', async () => {
    const { id: user, tokens } = await identity.visitor();
    const { id, secret } = (await makeKey(identity, tokens.accessToken)).body;
    const { token } = (await exchange(identity, secret)).body as { token: string };
    expect((await revoke(tokens.accessToken, id)).status).toBe(204);
    expect((await revoke(tokens.accessToken, id)).status).toBe(204);
    expect((await exchange(identity, secret)).status).toBe(401);
    expect((await identity.call('GET', '/v1/me', { token })).status).toBe(401);
    expect((await list(tokens.accessToken)).data).toEqual([]);
    const { rows } = await sql<{ event: { data: Record<string, unknown> } }>`select event from outbox
      where event ->> 'type' = 'identity.api-key.revoked.v1' and event ->> 'subject' = ${user}`.execute(identity.db);
    expect(rows.map(({ event }) => event.data)).toEqual([
      { user, keys: [id], revokedAt: expect.any(String), expiresAt: expect.any(String) },
    ]);
    const lifetime =
      Date.parse(String(rows[0]?.event.data.expiresAt)) - Date.parse(String(rows[0]?.event.data.revokedAt));
    expect(lifetime).toBeGreaterThan(65_000);
    const service = await identity.serviceToken('gateway', 'gateway-secret-0123456789');
    const revocations = await identity.call('GET', '/internal/revocations', { token: service });
    expect(revocations.body.keys).toContainEqual({
      key: id,
      revokedAt: rows[0]?.event.data.revokedAt,
      expiresAt: rows[0]?.event.data.expiresAt,
    });
    const later = encodeURIComponent(new Date(Date.now() + 60_000).toISOString());
    const none = await identity.call('GET', `/internal/revocations?since=${later}`, { token: service });
    expect(none.body.keys).toEqual([]);
  });

  it('404 with one body for another’s key, one that is not there, and no id; the other’s lives on', async () => {
    const { tokens } = await identity.visitor();
    const other = await identity.visitor();
    const theirs = (await makeKey(identity, other.tokens.accessToken)).body;
    const answers = await Promise.all(
      [theirs.id, formatId('key', newUuid()), 'key_x'].map((id) => revoke(tokens.accessToken, id)),
    );
    const bodies = answers.map(({ status, body: { traceId: _t, instance: _i, ...body } }) =>
      JSON.stringify({ status, body }),
    );
    expect(new Set(bodies).size).toBe(1);
    expect(answers[0]?.status).toBe(404);
    expect((await exchange(identity, theirs.secret)).status).toBe(200);
  });
});
