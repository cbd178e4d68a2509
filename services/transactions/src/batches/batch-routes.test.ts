import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { type Answer, type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let bob: Caller;
let from: Opened;
let to: Opened;
beforeAll(async () => {
  service = await startTestService();
  [alice, bob] = [service.caller(), service.caller()];
  [from, to] = [await service.open(alice, 100_000_000n), await service.open(bob)];
});
afterAll(() => service.close());

interface Result {
  transaction?: { id: string; status: string; amount: string; entries: { version?: number }[] };
  problem?: { code: string; status: number; instance: string };
}

const wish = (changes: Record<string, unknown> = {}) => ({
  from: from.id,
  to: to.id,
  amount: '1.00',
  currency: 'USD',
  ...changes,
});

const post = (body: unknown, key: string | undefined = newUuid(), by: Caller = alice): Promise<Answer> =>
  service.call(by, 'POST /v1/transfers/batch', body, key === undefined ? {} : { 'idempotency-key': key });

const resultsOf = (answer: Answer): Result[] => answer.json<{ results: Result[] }>().results;

async function traces(account: Opened): Promise<unknown> {
  const { rows } = await sql`
    select posted, version, (select count(*) from outbox) as events, (select count(*) from transactions) as transactions
    from ledger_accounts where id = ${account.uuid}`.execute(service.ledger.db);
  return rows[0];
}

describe('POST /v1/transfers/batch', () => {
  test('› 200 with each transaction in its place, which can be read at once', async () => {
    const target = await service.open(bob);
    const transfers = [
      wish({ to: target.id, description: 'first' }),
      wish({ to: target.accountNumber, amount: '2.50' }),
      wish({ to: target.id, amount: '99999999.00' }),
      wish({ from: to.id, to: from.id }),
      wish({ to: 'LU280019400644750000' }),
    ];
    const answer = await post({ mode: 'independent', transfers });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)]);
    const results = resultsOf(answer);
    expect(results.map((one) => one.transaction?.amount ?? one.problem?.code)).toEqual([
      '1.00',
      '2.50',
      'insufficient_funds',
      'not_found',
      'account_not_found',
    ]);
    expect(results[2]?.problem).toMatchObject({ status: 422, instance: '/v1/transfers/batch' });
    const first = results[0]?.transaction;
    const read = await service.call(alice, `GET /v1/transactions/${first?.id}`);
    expect(read.json()).toEqual(first);
    expect(await traces(target)).toMatchObject({ posted: 350n, version: 2n });
  });

  test('› the same key gives the same bytes again, and moves nothing', async () => {
    const [key, target] = [newUuid(), await service.open(bob)];
    const body = { mode: 'independent', transfers: Array.from({ length: 20 }, () => wish({ to: target.id })) };
    const answers = [await post(body, key), ...(await Promise.all(Array.from({ length: 20 }, () => post(body, key))))];
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
    expect(answers[0]?.headers['idempotent-replayed']).toBeUndefined();
    expect(answers[1]?.headers['idempotent-replayed']).toBe('true');
    expect(await traces(target)).toMatchObject({ posted: 2000n, version: 20n });
    const other = await post({ ...body, mode: 'atomic' }, key);
    expect([other.status, other.json().code]).toEqual([422, 'idempotency_key_reused']);
  });

  test('› atomic: 422 of the first that is refused leaves no trace but its answer', async () => {
    const [key, target] = [newUuid(), await service.open(bob)];
    const transfers = [wish({ to: target.id }), wish({ to: target.id, amount: '99999999.00' }), wish({ to: from.id })];
    const before = await traces(target);
    const answer = await post({ mode: 'atomic', transfers }, key);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'insufficient_funds', index: 1 }]);
    expect(await traces(target)).toEqual(before);
    const again = await post({ mode: 'atomic', transfers }, key);
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([422, answer.text, 'true']);
  });

  test('› atomic: 404 with its index for a foreign account, and the key is not burnt', async () => {
    const key = newUuid();
    const answer = await post({ mode: 'atomic', transfers: [wish(), wish({ from: to.id, to: from.id })] }, key);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([answer.status, answer.json()]).toMatchObject([404, { code: 'not_found', index: 1 }]);
    expect((await post({ mode: 'atomic', transfers: [wish()] }, key)).status).toBe(200);
  });

  test('› 400 validation_failed with the pointer of the wrong field; nothing is posted', async () => {
    const before = await traces(to);
    for (const [pointer, wrong] of [
      ['/transfers/3/amount', { amount: '1.001' }],
      ['/transfers/3/amount', { amount: 1 }],
      ['/transfers/3/currency', { currency: 'XYZ' }],
      ['/transfers/3/note', { note: 'x' }],
    ] as const) {
      const answer = await post({ mode: 'independent', transfers: [wish(), wish(), wish(), wish(wrong)] });
      expect([answer.status, answer.json().errors]).toMatchObject([400, [{ pointer }]]);
    }
    expect(await traces(to)).toEqual(before);
  });

  test('› 400 for no transfer, 1001 and another mode; 400 idempotency_key_required; 413 above 1 MiB', async () => {
    expect((await post({ mode: 'atomic', transfers: [] })).status).toBe(400);
    expect((await post({ mode: 'atomic', transfers: Array.from({ length: 1001 }, () => wish()) })).status).toBe(400);
    expect((await post({ mode: 'both', transfers: [wish()] })).status).toBe(400);
    const keyless = await service.call(alice, 'POST /v1/transfers/batch', { mode: 'atomic', transfers: [wish()] });
    expect(keyless.json().code).toBe('idempotency_key_required');
    const large = wish({
      metadata: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, 'x'.repeat(500)])),
    });
    expect((await post({ mode: 'atomic', transfers: Array.from({ length: 90 }, () => large) })).status).toBe(200);
    expect((await post({ mode: 'atomic', transfers: Array.from({ length: 110 }, () => large) })).status).toBe(413);
  });

  test('› 1000 transfers are one batch; those of others at the same time keep the books right', async () => {
    const mine = await Promise.all(Array.from({ length: 4 }, () => service.open(alice, 10_000n)));
    const batches = mine.map((account, index) => {
      const transfers = Array.from({ length: 250 }, (_, place) =>
        wish({ from: account.id, to: mine[(index + 1 + (place % 3)) % 4]?.id, amount: '3.00' }),
      );
      return post({ mode: 'independent', transfers });
    });
    const whole = post({ mode: 'atomic', transfers: Array.from({ length: 1000 }, () => wish({ amount: '0.01' })) });
    for (const answer of await Promise.all([...batches, whole])) expect(answer.status).toBe(200);
    expect(resultsOf(await whole)).toHaveLength(1000);
    expect(await brokenInvariants(service.ledger.db)).toEqual([]);
  });

  test('› 403 insufficient_scope for a token that may only read', async () => {
    const reader = service.caller({ userId: alice.uuid, scopes: ['transactions:read'] });
    const answer = await post({ mode: 'atomic', transfers: [wish()] }, newUuid(), reader);
    expect([answer.status, answer.json().code]).toEqual([403, 'insufficient_scope']);
  });
});
