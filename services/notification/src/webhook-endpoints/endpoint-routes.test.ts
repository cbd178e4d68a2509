import { randomUUID } from 'node:crypto';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, type CallOptions, startTestService, type TestService } from '../testing/test-service.ts';
import { type MadeEndpoint, makeEndpoint } from '../testing/webhooks.ts';

let service: TestService;
const names = new Map<string, readonly string[]>();
beforeAll(async () => {
  service = await startTestService({ privateTargets: 'refuse', resolve: async (name) => names.get(name) ?? [] });
});
afterAll(() => service.close());

const url = 'https://hooks.example/in?key=1';
const create = (caller: Caller, body: object, headers: Record<string, string> = {}) =>
  service.call(caller, 'POST /v1/webhook-endpoints', { body, headers });
const comparable = (body: Record<string, unknown>) => ({ ...body, traceId: '', instance: '' });

describe('POST /v1/webhook-endpoints', () => {
  it('201 with the secret, which stands nowhere in the database and is shown no more', async () => {
    const ada = service.caller();
    const answer = await create(ada, { url, events: ['transaction.posted', 'hold.created'], description: 'Shop' });
    expect(answer.status).toBe(201);
    const { secret, ...endpoint } = answer.json<MadeEndpoint>();
    expect(endpoint).toEqual({
      ...{
        id: expect.stringMatching(/^whe_/),
        url,
        events: ['transaction.posted', 'hold.created'],
        description: 'Shop',
      },
      ...{ status: 'enabled', disabledFor: null, failingSince: null, createdAt: expect.stringMatching(/Z$/) },
    });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect((await service.call(ada, `GET /v1/webhook-endpoints/${endpoint.id}`)).json()).toEqual(endpoint);
    const { rows } = await sql<{ sealed: Buffer }>`select sealed from webhook_secrets`.execute(service.db);
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
    expect(rows.some(({ sealed }) => sealed.includes(bytes))).toBe(false);
  });

  it('the same again, secret included, for the same Idempotency-Key; kept encrypted', async () => {
    const ada = service.caller();
    const headers = { 'idempotency-key': randomUUID() };
    const first = await create(ada, { url, events: ['*'] }, headers);
    const second = await create(ada, { url, events: ['*'] }, headers);
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect((await create(ada, { url, events: ['hold.voided'] }, headers)).json()).toMatchObject({
      code: 'idempotency_key_reused',
    });
    const list = (await service.call(ada, 'GET /v1/webhook-endpoints')).json<{ data: unknown[] }>();
    expect(list.data).toHaveLength(1);
    const { rows } = await sql<{ body: string }>`select body from idempotency_keys where caller = ${ada.id}`.execute(
      service.db,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.body).not.toContain('whsec_');
    // Wherever the name leads by now: the first answer is the answer.
    names.set('hooks.example', ['10.0.0.1']);
    expect((await create(ada, { url, events: ['*'] }, headers)).text).toBe(first.text);
    names.delete('hooks.example');
  });

  it.each([
    'http://hooks.example/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://u:p@hooks.example/',
  ])('422 webhook_url_not_allowed for %s', async (refused) => {
    const answer = await create(service.caller(), { url: refused, events: ['*'] });
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'webhook_url_not_allowed' }]);
  });

  it('422 webhook_url_not_allowed for a name that leads inside; kept for the same key', async () => {
    names.set('inside.example', ['93.184.216.34', '10.0.0.1']);
    const ada = service.caller();
    const order = { url: 'https://inside.example/', events: ['*'] };
    const headers = { 'idempotency-key': randomUUID() };
    const first = await create(ada, order, headers);
    expect([first.status, first.json()]).toMatchObject([422, { code: 'webhook_url_not_allowed' }]);
    names.delete('inside.example');
    expect((await create(ada, order, headers)).text).toBe(first.text);
    expect((await create(ada, order)).status).toBe(201);
  });

  it.each([
    { url },
    { events: ['*'] },
    { url, events: [] },
    { url, events: ['*', '*'] },
    { url, events: ['webhook.test'] },
    { url, events: ['transaction.exploded'] },
    { url, events: '*' },
    { url: 'no url', events: ['*'] },
    { url: 'x'.repeat(3_000), events: ['*'] },
    { url, events: ['*'], secret: 'whsec_mine' },
    { url, events: ['*'], owner: 'usr_01h455vb4pex5vsknk084sn02q' },
  ])('400 for %j', async (body) => {
    const answer = await create(service.caller(), body);
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });

  it('409 with more than fifty', async () => {
    const ada = service.caller();
    const made = await Promise.all(Array.from({ length: 55 }, () => create(ada, { url, events: ['*'] })));
    expect(Map.groupBy(made, ({ status }) => status).get(201)).toHaveLength(50);
    expect(made.find(({ status }) => status !== 201)?.json()).toMatchObject({ code: 'conflict', status: 409 });
  });
});

describe('reading and changing', () => {
  it('a list in pages, newest first, without secrets', async () => {
    const ada = service.caller();
    const made = [];
    for (let count = 0; count < 3; count += 1) made.push((await makeEndpoint(service, ada, url)).id);
    await makeEndpoint(service, service.caller(), url);
    const first = (await service.call(ada, 'GET /v1/webhook-endpoints?limit=2')).json<Listed>();
    const rest = (
      await service.call(ada, `GET /v1/webhook-endpoints?limit=2&cursor=${first.nextCursor}`)
    ).json<Listed>();
    expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual(made.toReversed());
    expect(rest.nextCursor).toBeNull();
    expect(JSON.stringify([first, rest])).not.toContain('secret');
  });

  it('PATCH 200 with what was changed; what is left out stays', async () => {
    const ada = service.caller();
    const { secret: _, ...made } = await makeEndpoint(service, ada, url);
    const change = async (body: object) =>
      (await service.call(ada, `PATCH /v1/webhook-endpoints/${made.id}`, { body })).json();
    expect(await change({ status: 'disabled', description: 'Shop' })).toEqual({
      ...{ ...made, status: 'disabled', disabledFor: 'owner', description: 'Shop' },
    });
    expect(await change({ events: ['hold.voided'] })).toMatchObject({ events: ['hold.voided'], status: 'disabled' });
    expect(await change({ url: 'https://other.example/', status: 'enabled', description: null })).toEqual({
      ...{ ...made, url: 'https://other.example/', events: ['hold.voided'], description: null },
    });
    expect(await change({})).toMatchObject({ url: 'https://other.example/' });
    expect(await change({ url: 'https://127.0.0.1/' })).toMatchObject({ status: 422, code: 'webhook_url_not_allowed' });
    expect(await change({ failingSince: null })).toMatchObject({ status: 400 });
  });

  it('DELETE 204, and then it is not there', async () => {
    const ada = service.caller();
    const { id } = await makeEndpoint(service, ada, url);
    expect((await service.call(ada, `DELETE /v1/webhook-endpoints/${id}`)).status).toBe(204);
    expect((await service.call(ada, `DELETE /v1/webhook-endpoints/${id}`)).status).toBe(404);
    expect((await service.call(ada, `GET /v1/webhook-endpoints/${id}`)).status).toBe(404);
  });
});

interface Listed {
  data: { id: string }[];
  nextCursor: string | null;
}

const range = { from: '2026-11-01T00:00:00Z', to: '2099-11-01T00:00:00Z' };
const calls: [string, CallOptions?][] = [
  ['GET /v1/webhook-endpoints/{id}'],
  ['PATCH /v1/webhook-endpoints/{id}', { body: { status: 'disabled' } }],
  ['DELETE /v1/webhook-endpoints/{id}'],
  ['POST /v1/webhook-endpoints/{id}/rotate-secret'],
  ['POST /v1/webhook-endpoints/{id}/test'],
  ['POST /v1/webhook-endpoints/{id}/replay', { body: range }],
  ['GET /v1/webhook-endpoints/{id}/deliveries'],
];

describe('what is not yours', () => {
  it.each(calls)('%s: 404 as for one that does not exist, and nothing happens', async (call, options) => {
    const [ada, eve] = [service.caller(), service.caller({ roles: ['admin'] })];
    const { id } = await makeEndpoint(service, ada, url);
    const theirs = await service.call(eve, call.replace('{id}', id), options);
    const nobodys = await service.call(eve, call.replace('{id}', formatId('whe', newUuid())), options);
    expect(theirs.status).toBe(404);
    expect(comparable(theirs.json())).toEqual(comparable(nobodys.json()));
    const kept = await service.call(ada, `GET /v1/webhook-endpoints/${id}`);
    expect(kept.json()).toMatchObject({ id, status: 'enabled' });
    const { rows } = await sql`select from webhook_secrets where endpoint_id in
      (select id from webhook_endpoints where url = ${url}) and expires_at is not null`.execute(service.db);
    expect(rows).toEqual([]);
  });

  it.each([
    ...calls,
    ['GET /v1/webhook-endpoints'],
    ['POST /v1/webhook-deliveries/whd_01h455vb4pex5vsknk084sn02q/retry'],
  ])('%s: 403 insufficient_scope without webhooks:manage', async (call, options = undefined) => {
    const caller = service.caller({ scopes: ['notifications:write', 'notifications:read', 'transactions:read'] });
    const answer = await service.call(caller, call.replace('{id}', 'whe_01h455vb4pex5vsknk084sn02q'), options);
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('POST /v1/webhook-endpoints/{id}/rotate-secret', () => {
  const secretsOf = (id: string) =>
    sql`select from webhook_secrets where endpoint_id = (select id from webhook_endpoints where url = ${id})`;

  it('200 with a new secret, and until when the old one signs; the same again for the same key', async () => {
    const ada = service.caller();
    const { id, secret } = await makeEndpoint(service, ada, url);
    const headers = { 'idempotency-key': randomUUID() };
    const rotate = () => service.call(ada, `POST /v1/webhook-endpoints/${id}/rotate-secret`, { headers });
    const first = await rotate();
    expect(first.status).toBe(200);
    const rotated = first.json<MadeEndpoint & { previousSecretUntil: string }>();
    expect(rotated).toMatchObject({ id, secret: expect.stringMatching(/^whsec_/) });
    expect(rotated.secret).not.toBe(secret);
    const hours = (Date.parse(rotated.previousSecretUntil) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
    const again = await rotate();
    expect([again.text, again.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
  });

  it('of many rotations the last five secrets are kept', async () => {
    const ada = service.caller();
    const own = `https://hooks.example/${randomUUID()}`;
    const { id } = await makeEndpoint(service, ada, own);
    for (let count = 0; count < 7; count += 1) {
      expect((await service.call(ada, `POST /v1/webhook-endpoints/${id}/rotate-secret`)).status).toBe(200);
    }
    expect((await secretsOf(own).execute(service.db)).rows).toHaveLength(5);
  });
});
