import { generateKeyPairSync } from 'node:crypto';
import { signToken } from '@florin/auth';
import { formatId, newUuid } from '@florin/service';
import { describe, expect, test } from 'vitest';
import { RevokedSessions } from '../src/revoked-sessions.ts';
import { problemOf, rawRequest, startGateway, startUpstream } from './harness.ts';

describe('access tokens', () => {
  test('are checked before anything is forwarded, with one 401 body for all causes', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const { issuer } = gateway;
    const { privateKey } = generateKeyPairSync('ed25519');
    const [kid = ''] = issuer.jwks.keys.map((key) => key.kid);
    const forged = signToken({ privateKey, kid, typ: 'at+jwt', claims: { sub: formatId('usr', newUuid()) } });
    const refused = [
      undefined,
      'Bearer nothing',
      'Basic YTpi',
      'Bearer flk_abc',
      `Bearer ${forged}`,
      `Bearer ${issuer.userToken({ claims: { aud: 'elsewhere' } })}`,
      `Bearer ${issuer.userToken({ claims: { iss: 'https://elsewhere.example' } })}`,
      `Bearer ${issuer.userToken({ claims: { exp: undefined } })}`,
      `Bearer ${issuer.userToken({ claims: { sid: undefined } })}`,
      `Bearer ${issuer.serviceToken('accounts', 'transactions')}`,
    ];
    const bodies = new Set<string>();
    for (const authorization of refused) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(`${gateway.url}/v1/accounts`, { headers });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      bodies.add(JSON.stringify({ ...(await problemOf(response)), traceId: '' }));
    }
    expect(bodies.size).toBe(1);
    expect(JSON.parse([...bodies][0] ?? '')).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(upstream.arrived).toEqual([]);
  });

  test('an expired one is 401 token_expired; a service token for the gateway is not a person: 403', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const past = Math.floor(Date.now() / 1000) - 60;
    const get = (token: string) =>
      fetch(`${gateway.url}/v1/accounts`, { headers: { authorization: `Bearer ${token}` } }).then(problemOf);
    expect(await get(gateway.issuer.userToken({ claims: { exp: past } }))).toMatchObject({ code: 'token_expired' });
    expect(await get(gateway.issuer.serviceToken('accounts', 'gateway'))).toMatchObject({ status: 403 });
    expect(upstream.arrived).toEqual([]);
  });

  test('are not looked at on public routes', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const headers = { authorization: 'Bearer nothing' };
    expect((await fetch(`${gateway.url}/.well-known/jwks.json`, { headers })).status).toBe(200);
  });
});

describe('revoked sessions', () => {
  test.each([
    ['POST', () => '/v1/auth/logout', 'own'],
    ['DELETE', (session: string) => `/v1/me/sessions/${session}`, 'other'],
  ] as const)('%s of a session that passes through here ends it before the answer', async (method, path, whose) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const [own, other] = [newUuid(), newUuid()];
    const bearer = (sessionId: string) => ({ authorization: `Bearer ${gateway.issuer.userToken({ sessionId })}` });
    const me = (sessionId: string) => fetch(`${gateway.url}/v1/me`, { headers: bearer(sessionId) });
    const end = () => fetch(`${gateway.url}${path(formatId('ses', other))}`, { method, headers: bearer(own) });
    // A refusal ends nothing.
    upstream.answer = (_request, response) => response.writeHead(404).end();
    await end();
    upstream.answer = (_request, response) => response.writeHead(204).end();
    const [ended, standing] = whose === 'own' ? [own, other] : [other, own];
    expect((await me(ended)).status).toBe(204);
    await end();
    expect((await me(ended)).status).toBe(401);
    expect((await me(standing)).status).toBe(204);
  });

  test('are 401 from the moment they are known, word for word like a bad token', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const sessionId = newUuid();
    const headers = { authorization: `Bearer ${gateway.issuer.userToken({ sessionId })}` };
    expect((await fetch(`${gateway.url}/v1/me`, { headers })).status).toBe(200);
    gateway.revoked.add([{ session: formatId('ses', sessionId), expiresAt: Date.now() + 600_000 }]);
    const revoked = await problemOf(await fetch(`${gateway.url}/v1/me`, { headers }));
    const bad = await problemOf(await fetch(`${gateway.url}/v1/me`, { headers: { authorization: 'Bearer x.y.z' } }));
    expect({ ...revoked, traceId: '' }).toEqual({ ...bad, traceId: '' });
    expect((await fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer })).status).toBe(200);
  });

  test('nobody is let in, and the gateway is not ready, until the list has been loaded', async () => {
    const upstream = await startUpstream();
    const revoked = new RevokedSessions();
    const gateway = await startGateway(upstream.url, { revoked });
    const me = () => fetch(`${gateway.url}/v1/me`, { headers: gateway.bearer });
    const ready = async () => (await fetch(`${gateway.url}/health/ready`)).status;
    expect(await problemOf(await me())).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(await ready()).toBe(503);
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200);
    revoked.load([]);
    expect([(await me()).status, await ready()]).toEqual([200, 200]);
  });

  test('are forgotten when no token of theirs can be valid any more', () => {
    const revoked = new RevokedSessions();
    revoked.add(Array.from({ length: 5_000 }, (_, index) => ({ session: `old${index}`, expiresAt: 1_000 })));
    revoked.add([{ session: 'new', expiresAt: Date.now() + 1_000 }]);
    expect(revoked.size).toBeLessThan(1_100);
    expect(revoked.has('new')).toBe(true);
  });
});

describe('the route table', () => {
  test.each([
    ['GET', '/v1/nothing'],
    ['GET', '/internal/revocations'],
    ['POST', '/internal/service-tokens'],
    ['GET', '/internal/openapi.json'],
    ['GET', '/metrics'],
    ['GET', '/v1/accounts/'],
    ['GET', '/V1/accounts'],
  ])('%s %s is 404', async (method, path) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const response = await fetch(gateway.url + path, { method, headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 404, code: 'not_found', instance: path });
    expect(upstream.arrived).toEqual([]);
  });

  test('another method of a known path is 405 with Allow', async () => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const response = await fetch(`${gateway.url}/v1/accounts/acc_1`, { method: 'DELETE', headers: gateway.bearer });
    expect(await problemOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(response.headers.get('allow')).toBe('GET, HEAD, PATCH');
  });

  test.each(['TRACE', 'PROPFIND', 'OPTIONS', 'PUT'])('%s is 404 or 405, as a problem', async (method) => {
    const upstream = await startUpstream();
    const gateway = await startGateway(upstream.url);
    const answer = await rawRequest(gateway.port, `${method} /v1/accounts HTTP/1.1`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[45] /);
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(upstream.arrived).toEqual([]);
  });

  test.each(['text/xml', 'application/json; charset=utf-16', ''])(
    'a body of media type "%s" is for the service to judge',
    async (type) => {
      const upstream = await startUpstream();
      const gateway = await startGateway(upstream.url);
      const lines = type === '' ? [] : [`Content-Type: ${type}`];
      await rawRequest(gateway.port, 'POST /v1/auth/login HTTP/1.1', [...lines, 'Content-Length: 2'], '{}');
      expect(upstream.arrived[0]?.headers['content-type'] ?? '').toBe(type);
      expect(upstream.arrived[0]?.body.toString()).toBe('{}');
    },
  );
});
