import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Caller,
  type Opened,
  startTestService,
  type TestService,
  uuidOfTransaction,
} from '../testing/test-service.ts';

interface Listed {
  data: { id: string; type: string; status: string; amount: string }[];
  nextCursor: string | null;
}

let service: TestService;
let alice: Caller;
let bob: Caller;
let first: Opened;
let second: Opened;
let other: Opened;
/** Ids of Alice's transactions in the order in which they were made. */
const made: string[] = [];

beforeAll(async () => {
  service = await startTestService();
  [alice, bob] = [service.caller(), service.caller()];
  first = await service.open(alice, 100_000n);
  second = await service.open(alice, 100_000n);
  other = await service.open(bob, 100_000n);
  for (let index = 1; index <= 6; index++) {
    const [from, to] = index % 2 ? [first, other] : [second, first];
    made.push(await pay(alice, from, to, `${index}.00`, { reference: `R${index}` }));
  }
  made.push(await pay(bob, other, second, '7.00', { reference: 'R7' }));
});
afterAll(() => service.close());

async function pay(by: Caller, from: Opened, to: Opened, amount: string, metadata = {}): Promise<string> {
  const body = { from: from.id, to: to.id, amount, currency: 'USD', metadata };
  const answer = await service.call(by, 'POST /v1/transfers', body, { 'idempotency-key': newUuid() });
  expect(answer.status).toBe(201);
  return String(answer.json().id);
}

async function insertPayment(account: Opened, status: 'pending' | 'failed'): Promise<string> {
  const id = newUuid();
  await sql`insert into payments (id, type, account_id, owner_id, amount, currency, status, provider, source, metadata,
      initiated_by, failure_code, failure_message, created_at, updated_at)
    values (${id}, 'deposit', ${account.uuid}, ${alice.uuid}, 900, 'USD', ${status}, 'sandbox', '{}', '{}', 'usr_x',
      ${status === 'failed' ? 'card_declined' : null}, ${status === 'failed' ? 'No.' : null}, now(), now())`.execute(
    service.ledger.db,
  );
  return id;
}

async function list(query = '', by: Caller = alice): Promise<Listed> {
  const answer = await service.call(by, `GET /v1/transactions${query}`);
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return answer.json();
}

const ids = (page: Listed) => page.data.map((transaction) => transaction.id);

describe('GET /v1/transactions', () => {
  test("› the caller's on all accounts, newest first, each once", async () => {
    expect(ids(await list())).toEqual(made.toReversed());
    expect(ids(await list('', bob))).toEqual([made[6], made[4], made[2], made[0]]);
  });

  test('› pages without gap or repetition, also while new ones arrive', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Listed = await list(`?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...ids(page));
      cursor = page.nextCursor;
      if (cursor) made.push(await pay(alice, first, second, '50.00'));
    } while (cursor);
    expect(seen).toEqual(made.slice(0, 7).toReversed());
  });

  test.each([
    ['account', () => `?account=${second.id}&maxAmount=40`, [6, 5, 3, 1]],
    ['reference', () => '?reference=R3', [2]],
    ['amounts', () => '?minAmount=2.001&maxAmount=4.009', [3, 2]],
    ['type', () => '?type=fee', []],
    ['status', () => '?status=rejected', []],
    ['time that has passed', () => '?to=2020-01-01', []],
    ['time to come', () => '?from=2199-01-01T00:00:00Z', []],
  ])('› by %s', async (_, query, places) => {
    expect(ids(await list(query()))).toEqual(places.map((place) => made[place]));
  });

  test('› payments that are not settled stand among them', async () => {
    const pending = await insertPayment(first, 'pending');
    const failed = await insertPayment(first, 'failed');
    const page = await list('?limit=2');
    expect(page.data.map(({ id, status }) => [uuidOfTransaction(id), status])).toEqual([
      [failed, 'failed'],
      [pending, 'pending'],
    ]);
    expect(page.data[0]).toMatchObject({
      type: 'deposit',
      from: 'external:sandbox',
      to: first.id,
      entries: [],
      failure: { code: 'card_declined', message: 'No.' },
      postedAt: null,
    });
    expect(ids(await list('?status=pending'))).toEqual([page.data[1]?.id]);
    expect(ids(await list('?status=posted'))).not.toContain(page.data[0]?.id);
    const one = await service.call(alice, `GET /v1/transactions/${page.data[1]?.id}`);
    expect(one.json()).toEqual(page.data[1]);
    await sql`delete from payments`.execute(service.ledger.db);
  });

  test.each([
    ['a cursor that was never given', '?cursor=abc', 'invalid_cursor'],
    ['a day that no calendar has', '?from=2026-02-30', 'validation_failed'],
    ['an unknown filter', '?sort=amount', 'validation_failed'],
    ['a limit of 101', '?limit=101', 'validation_failed'],
  ])('› 400 for %s', async (_, query, code) => {
    const answer = await service.call(alice, `GET /v1/transactions${query}`);
    expect([answer.status, answer.json().code]).toEqual([400, code]);
  });

  test("› 404 for another customer's account", async () => {
    const answer = await service.call(alice, `GET /v1/transactions?account=${other.id}`);
    expect([answer.status, answer.json().code]).toEqual([404, 'not_found']);
  });
});

describe('GET /v1/accounts/{id}/transactions', () => {
  test('› those of the one account', async () => {
    const answer = await service.call(bob, `GET /v1/accounts/${other.id}/transactions?limit=1`);
    expect(ids(answer.json())).toEqual([made[6]]);
  });

  test("› 404 for another customer's; an auditor may, and sees all balances", async () => {
    const path = `GET /v1/accounts/${other.id}/transactions?limit=1`;
    expect((await service.call(alice, path)).status).toBe(404);
    const seen = await service.call(service.caller({ roles: ['auditor'] }), path);
    const [transaction] = seen.json<{ data: { entries: { balanceAfter?: string }[] }[] }>().data;
    expect(transaction?.entries.map((entry) => entry.balanceAfter !== undefined)).toEqual([true, true]);
  });
});

test("GET /v1/transactions/{id} › a stranger's is 404 with the same body as none", async () => {
  const stranger = service.caller();
  const [theirs, none] = await Promise.all([
    service.call(stranger, `GET /v1/transactions/${made[0]}`),
    service.call(stranger, 'GET /v1/transactions/txn_01h455vb4pex5vsknk084sn02q'),
  ]);
  const comparable = (body: Record<string, unknown>) => ({ ...body, traceId: '', instance: '' });
  expect([theirs.status, none.status]).toEqual([404, 404]);
  expect(comparable(theirs.json())).toEqual(comparable(none.json()));
});
