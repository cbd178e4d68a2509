import { newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBalances } from '../balances/balance-queries.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import type { AccountView } from './account-view.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

interface Page {
  data: AccountView[];
  nextCursor: string | null;
}

async function project(account: AccountView, version: number, posted: bigint, held = 0n): Promise<void> {
  const heldVersion = held === 0n ? 0 : 1;
  const balance = { account: account.id, posted, held, version, heldVersion, asOf: '2026-11-20T10:00:00.123Z' };
  await service.db.transaction().execute((tx) => writeBalances(tx, [balance]));
}

describe('GET /v1/accounts/{id}', () => {
  it('200 with the projected balance: available is posted without held', async () => {
    const caller = service.caller();
    const account = await service.open(caller);
    await project(account, 7, 1_250n, 200n);
    const answer = await service.call(caller, `GET /v1/accounts/${account.id}`);
    const balance = { posted: '12.50', held: '2.00', available: '10.50', asOf: '2026-11-20T10:00:00.123Z' };
    expect([answer.status, answer.json()]).toEqual([200, { ...account, balance }]);
  });

  it("404 for another's account, with the body of one that does not exist", async () => {
    const account = await service.open(service.caller());
    const stranger = service.caller();
    const bodies = [];
    for (const id of [account.id, 'acc_01h455vb4pex5vsknk084sn02q']) {
      const answer = await service.call(stranger, `GET /v1/accounts/${id}`);
      expect(answer.status).toBe(404);
      const { instance, traceId, ...body } = answer.json<Record<string, unknown>>();
      expect([instance, traceId]).toEqual([`/v1/accounts/${id}`, expect.any(String)]);
      bodies.push(body);
    }
    expect(bodies[0]).toEqual(bodies[1]);
    expect(bodies[0]).toMatchObject({ code: 'not_found' });
  });

  it.each(['operator', 'auditor', 'admin'] as const)("200 for another's account as %s", async (role) => {
    const account = await service.open(service.caller());
    const answer = await service.call(service.caller({ roles: [role] }), `GET /v1/accounts/${account.id}`);
    expect([answer.status, answer.json()]).toEqual([200, account]);
  });

  it('401 without a token, 403 insufficient_scope without accounts:read', async () => {
    const account = await service.open(service.caller());
    const nobody = { ...service.caller(), token: '' };
    expect((await service.call(nobody, `GET /v1/accounts/${account.id}`)).status).toBe(401);
    const narrow = service.caller({ scopes: ['accounts:write'] });
    const answer = await service.call(narrow, `GET /v1/accounts/${account.id}`);
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('GET /v1/accounts/{id}?minVersion=', () => {
  let caller: Caller;
  let account: AccountView;
  beforeAll(async () => {
    caller = service.caller();
    account = await service.open(caller);
    await project(account, 3, 300n);
  });

  it('answers at once what is new enough', async () => {
    const started = performance.now();
    const answer = await service.call(caller, `GET /v1/accounts/${account.id}?minVersion=3`);
    expect([answer.status, answer.json<AccountView>().balance.posted]).toEqual([200, '3.00']);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('waits for the entry, for many at once', async () => {
    const reads = Array.from({ length: 20 }, (_, place) =>
      service.call(caller, `GET /v1/accounts/${account.id}?minVersion=${4 + (place % 2)}`),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = performance.now();
    await project(account, 5, 500n);
    for (const answer of await Promise.all(reads)) {
      expect([answer.status, answer.json<AccountView>().balance.posted]).toEqual([200, '5.00']);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('503 with Retry-After when it has not come after 2 s', async () => {
    const started = performance.now();
    const answer = await service.call(caller, `GET /v1/accounts/${account.id}?minVersion=99`);
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'upstream_unavailable' }]);
    expect(answer.headers['retry-after']).toBe('1');
    expect(performance.now() - started).toBeGreaterThan(1_900);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it("404 at once for another's account, so that waiting tells nothing", async () => {
    const started = performance.now();
    const answer = await service.call(service.caller(), `GET /v1/accounts/${account.id}?minVersion=99`);
    expect(answer.status).toBe(404);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it.each(['-1', '1.5', 'x', '1e400', ''])('400 for minVersion=%s', async (value) => {
    const answer = await service.call(caller, `GET /v1/accounts/${account.id}?minVersion=${value}`);
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });
});

describe('GET /v1/accounts', () => {
  it('pages through the own accounts, newest first, each once', async () => {
    const caller = service.caller();
    await service.open(service.caller());
    const opened: string[] = [];
    for (let count = 0; count < 5; count++) opened.unshift((await service.open(caller)).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { data, nextCursor }: Page = (await service.call(caller, `GET /v1/accounts?limit=2${query}`)).json();
      seen.push(...data.map((account) => account.id));
      cursor = nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(opened);
  });

  it('says null for the next cursor when a full page is the last', async () => {
    const caller = service.caller();
    await service.open(caller);
    await service.open(caller);
    const page = (await service.call(caller, 'GET /v1/accounts?limit=2')).json<Page>();
    expect([page.data.length, page.nextCursor]).toEqual([2, null]);
  });

  it("lists another's accounts for operators only", async () => {
    const owner = service.caller();
    const account = await service.open(owner);
    const path = `GET /v1/accounts?owner=${owner.id}`;
    const asOperator = await service.call(service.caller({ roles: ['operator'] }), path);
    expect([asOperator.status, asOperator.json()]).toEqual([200, { data: [account], nextCursor: null }]);
    const asCustomer = await service.call(service.caller(), path);
    expect([asCustomer.status, asCustomer.json()]).toMatchObject([403, { code: 'forbidden' }]);
    expect((await service.call(owner, path)).status).toBe(200);
  });

  it.each([
    ['not one of ours', 'abc'],
    ['no id inside', Buffer.from('["x"]').toString('base64url')],
    ['two parts', Buffer.from(JSON.stringify([newUuid(), newUuid()])).toString('base64url')],
  ])('400 invalid_cursor: %s', async (_case, cursor) => {
    const answer = await service.call(service.caller(), `GET /v1/accounts?cursor=${cursor}`);
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'invalid_cursor' }]);
  });

  it.each(['limit=0', 'limit=101', 'owner=me', 'sort=name'])('400 validation_failed for ?%s', async (query) => {
    const answer = await service.call(service.caller(), `GET /v1/accounts?${query}`);
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });
});
