import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatId, newUuid } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildApp } from '../app.ts';
import { deleteExpired } from '../housekeeping.ts';
import { locationDatabase } from '../testing/location-database.ts';
import {
  claimsOf,
  codeOf,
  gatewaySecret,
  startIdentity,
  type TestIdentity,
  tokensOf,
} from '../testing/test-identity.ts';
import { openPlaces } from './places.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startIdentity();
});
afterAll(() => identity.close());

const sessionOf = (accessToken: string) => String(claimsOf(accessToken).sid);

async function revocationEvents(user: string) {
  const { rows } = await sql<{ event: { data: { sessions: string[]; revokedAt: string; expiresAt: string } } }>`
    select event from outbox where event->>'subject' = ${user} and event->>'type' = 'identity.session.revoked.v1'
    order by position`.execute(identity.db);
  return rows.map(({ event }) => event.data);
}

async function list(token: string, query = '') {
  const { body } = await identity.call('GET', `/v1/me/sessions${query}`, { token });
  return body as { data: Record<string, unknown>[]; nextCursor: string | null };
}

describe('POST /v1/auth/logout', () => {
  it('204 ends the session: access token and refresh token are refused, the event is out, other sessions live', async () => {
    const { id, email, tokens } = await identity.visitor();
    const other = tokensOf(await identity.logIn(email));
    const answer = await identity.call('POST', '/v1/auth/logout', { token: tokens.accessToken });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(codeOf(await identity.call('GET', '/v1/me', { token: tokens.accessToken }))).toBe('unauthenticated');
    expect((await identity.refresh(tokens.refreshToken)).status).toBe(401);
    expect((await identity.call('GET', '/v1/me', { token: other.accessToken })).status).toBe(200);
    const [event, ...more] = await revocationEvents(id);
    expect(more).toEqual([]);
    expect(event).toEqual({
      user: id,
      sessions: [sessionOf(tokens.accessToken)],
      revokedAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    // Five seconds after the token's exp: the clocks' tolerance.
    expect(Date.parse(event?.expiresAt ?? '')).toBe(Number(claimsOf(tokens.accessToken).exp) * 1_000 + 5_000);
  });

  it('401 without a token', async () => {
    expect((await identity.call('POST', '/v1/auth/logout')).status).toBe(401);
  });
});

describe('GET /v1/me/sessions · DELETE /v1/me/sessions/{id}', () => {
  it('200 lists the caller’s live sessions, the newest first, page by page', async () => {
    const { email, tokens } = await identity.visitor();
    await identity.visitor();
    const later = await identity.call('POST', '/v1/auth/login', {
      body: { email, password: 'correct horse battery' },
      headers: { 'user-agent': 'Tea\u0001pot/1.0' },
    });
    const all = await list(tokens.accessToken);
    expect(all.data).toHaveLength(2);
    expect(all.data[0]).toEqual({
      id: sessionOf(tokensOf(later).accessToken),
      current: false,
      userAgent: 'Tea pot/1.0',
      device: null,
      ip: '127.0.0.1',
      place: null,
      createdAt: expect.any(String),
      lastUsedAt: expect.any(String),
      expiresAt: expect.any(String),
    });
    expect(all.data[1]).toMatchObject({ id: sessionOf(tokens.accessToken), current: true });
    const first = await list(tokens.accessToken, '?limit=1');
    const second = await list(tokens.accessToken, `?limit=1&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data]).toEqual(all.data);
    expect(second.nextCursor).toBeNull();
  });

  it('200 shows the address of the latest refresh, and where it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'florin-sessions-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'places.mmdb');
    writeFileSync(file, locationDatabase({ '203.0.113.5': { country_code: 'LU' } }));
    const places = await openPlaces(file);
    const logger = createLogger({ service: 'identity', level: 'silent' });
    const app = buildApp({ ...identity.resources, places, logger, trustedProxies: ['loopback'] });
    onTestFinished(() => app.close());
    const from = async (address: string, method: 'GET' | 'POST', url: string, payload?: object, token?: string) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const headers = { 'x-forwarded-for': address, 'user-agent': firefox, ...authorization };
      return (await app.inject({ method, url, headers, ...(payload && { payload }) })).json();
    };
    const { email } = await identity.visitor();
    const { refreshToken, accessToken } = await from('198.51.100.1', 'POST', '/v1/auth/login', {
      email,
      password: 'correct horse battery',
    });
    const [before] = (await from('198.51.100.1', 'GET', '/v1/me/sessions', undefined, accessToken)).data;
    expect(before).toMatchObject({ device: 'Firefox on Linux', ip: '198.51.100.1', place: null });
    await from('203.0.113.5', 'POST', '/v1/auth/refresh', { refreshToken });
    const [after] = (await from('198.51.100.1', 'GET', '/v1/me/sessions', undefined, accessToken)).data;
    expect(after).toMatchObject({ ip: '203.0.113.5', place: { country: 'LU', city: null } });
  });

  it('204 ends one, 204 again, and it is out of the list', async () => {
    const { id, email, tokens } = await identity.visitor();
    const other = tokensOf(await identity.logIn(email));
    const url = `/v1/me/sessions/${sessionOf(other.accessToken)}`;
    expect((await identity.call('DELETE', url, { token: tokens.accessToken })).status).toBe(204);
    expect((await identity.call('DELETE', url, { token: tokens.accessToken })).status).toBe(204);
    expect((await identity.refresh(other.refreshToken)).status).toBe(401);
    expect((await list(tokens.accessToken)).data).toHaveLength(1);
    expect(await revocationEvents(id)).toHaveLength(1);
  });

  it('404 with the same body for another’s session, one that is not there, and no id; the other’s lives on', async () => {
    const { tokens } = await identity.visitor();
    const other = await identity.visitor();
    const ids = [sessionOf(other.tokens.accessToken), formatId('ses', newUuid()), 'ses_x'];
    const answers = await Promise.all(
      ids.map((id) => identity.call('DELETE', `/v1/me/sessions/${id}`, { token: tokens.accessToken })),
    );
    const bodies = answers.map(({ status, body: { traceId: _trace, instance: _path, ...body } }) => ({ status, body }));
    expect(bodies[0]).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
    expect((await identity.refresh(other.tokens.refreshToken)).status).toBe(200);
  });
});

describe('GET /internal/revocations', () => {
  const revocations = async (query = '') => {
    const token = await identity.serviceToken('gateway', gatewaySecret);
    const { status, body } = await identity.call('GET', `/internal/revocations${query}`, { token });
    expect(status).toBe(200);
    return body as { data: { session: string; revokedAt: string; expiresAt: string }[]; asOf: string };
  };

  it('200 lists what ended while its access tokens may live, and only that', async () => {
    const { tokens } = await identity.visitor();
    const session = sessionOf(tokens.accessToken);
    const sessions = async (query?: string) => (await revocations(query)).data.map((one) => one.session);
    expect(await sessions()).not.toContain(session);
    await identity.call('POST', '/v1/auth/logout', { token: tokens.accessToken });
    const { data, asOf } = await revocations();
    expect(data.at(-1)).toEqual({ session, revokedAt: expect.any(String), expiresAt: expect.any(String) });
    expect(await sessions(`?since=${encodeURIComponent(asOf)}`)).toContain(session);
    const later = new Date(Date.parse(asOf) + 60_000).toISOString();
    expect(await sessions(`?since=${encodeURIComponent(later)}`)).toEqual([]);
    await identity.db
      .updateTable('sessions')
      .set({ access_expires_at: new Date(Date.now() - 6_000) })
      .execute();
    expect(await sessions()).toEqual([]);
  });

  it('403 for users, admins and other services; 401 without a token; 400 for a bad time', async () => {
    const { tokens } = await identity.visitor();
    const answer = (token?: string) => identity.call('GET', '/internal/revocations', { token });
    expect((await answer(tokens.accessToken)).status).toBe(403);
    expect((await answer((await identity.admin()).accessToken)).status).toBe(403);
    expect((await answer(await identity.serviceToken('accounts', 'accounts-secret-0123456789'))).status).toBe(403);
    expect((await answer()).status).toBe(401);
    const token = await identity.serviceToken('gateway', gatewaySecret);
    expect((await identity.call('GET', '/internal/revocations?since=now', { token })).status).toBe(400);
  });
});

describe('housekeeping', () => {
  it('deletes what has expired and keeps what may still matter', async () => {
    const keep = await identity.visitor();
    const revoked = await identity.visitor();
    const expired = await identity.visitor();
    await identity.call('POST', '/v1/auth/logout', { token: revoked.tokens.accessToken });
    const ids = await Promise.all(
      [keep, revoked, expired].map(async ({ email }) => {
        const row = identity.db.selectFrom('sessions').innerJoin('users', 'users.id', 'user_id').select('sessions.id');
        return (await row.where('email', '=', email).executeTakeFirstOrThrow()).id;
      }),
    );
    const left = async () =>
      (await identity.db.selectFrom('sessions').select('id').where('id', 'in', ids).execute())
        .map(({ id }) => id)
        .sort();
    const age = (id: string | undefined, change: { expires_at?: Date; access_expires_at?: Date }) =>
      identity.db
        .updateTable('sessions')
        .set(change)
        .where('id', '=', id ?? '')
        .execute();
    await age(ids[2], { expires_at: new Date(Date.now() - 1_000) });
    await deleteExpired(identity.db);
    expect(await left()).toEqual([ids[0], ids[1]]);
    await age(ids[1], { access_expires_at: new Date(Date.now() - 3_700_000) });
    await identity.db
      .updateTable('login_guesses')
      .set({ last_guess_at: new Date(Date.now() - 3 * 86_400_000) })
      .execute();
    await sql`insert into idempotency_keys (caller, key, fingerprint, created_at)
      values ('old', 'key', '', now() - interval '49 hours'), ('new', 'key', '', now() - interval '47 hours')`.execute(
      identity.db,
    );
    expect(await deleteExpired(identity.db)).toMatchObject({ sessions: 1, idempotencyKeys: 1 });
    expect(await left()).toEqual([ids[0]]);
    expect(await identity.db.selectFrom('login_guesses').selectAll().execute()).toEqual([]);
  });
});
