import { transactionFailed, transactionPosted } from '@florin/contracts';
import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { paymentsPostedBetween } from '../checker/invariants.ts';
import { brokenInvariants } from '../testing/test-ledger.ts';
import {
  type Answer,
  type Caller,
  type Opened,
  startTestService,
  type TestService,
  uuidOfTransaction,
} from '../testing/test-service.ts';
import { toTransferPolicy } from '../transfers/transfer-policy.ts';

let service: TestService;
let alice: Caller;
let bob: Caller;
let operator: Caller;
let from: Opened;
let to: Opened;
beforeAll(async () => {
  service = await startTestService(toTransferPolicy({ APPROVAL_THRESHOLD: 'USD:100.00', TRANSFER_FEE: 'USD:1.00' }));
  [alice, bob, operator] = [service.caller(), service.caller(), service.caller({ roles: ['operator'] })];
});
beforeEach(async () => {
  [from, to] = [await service.open(alice, 100_000n), await service.open(bob)];
});
afterAll(() => service.close());

const transfer = (amount: string, changes: Record<string, unknown> = {}, key: string = newUuid()): Promise<Answer> =>
  service.call(
    alice,
    'POST /v1/transfers',
    { from: from.id, to: to.id, amount, currency: 'USD', ...changes },
    { 'idempotency-key': key },
  );

async function waiting(amount = '100.01'): Promise<string> {
  const answer = await transfer(amount, { description: 'rent', metadata: { reference: `R-${from.id}` } });
  expect([answer.status, answer.json().status]).toEqual([201, 'pending_approval']);
  return String(answer.json().id);
}

const end = (id: string, action: 'approve' | 'reject', by = operator, body?: unknown): Promise<Answer> =>
  service.call(by, `POST /v1/transactions/${id}/${action}`, body);

async function balance(by: Caller, account: Opened): Promise<unknown> {
  const answer = await service.call(by, `GET /v1/accounts/${account.id}/balance`);
  const { posted, held, available } = answer.json();
  return { posted, held, available };
}

async function eventsOf(id: string): Promise<string[]> {
  const { rows } = await sql<{ type: string }>`
    select event ->> 'type' as type from outbox
    where event ->> 'subject' in (${id}, ${id.replace('txn_', 'hld_')}) order by position`.execute(service.ledger.db);
  return rows.map(({ type }) => type);
}

describe('a transfer above the approval threshold', () => {
  test('› 201 pending_approval: its funds and fee are held, nothing is posted, its sender sees it', async () => {
    const key = newUuid();
    const answer = await transfer('100.01', {}, key);
    expect([answer.status, answer.json()]).toMatchObject([
      201,
      { status: 'pending_approval', amount: '100.01', from: from.id, to: to.id, entries: [], postedAt: null },
    ]);
    expect(await balance(alice, from)).toEqual({ posted: '1000.00', held: '101.01', available: '898.99' });
    const id = answer.json().id;
    expect((await service.call(alice, `GET /v1/transactions/${id}`)).json()).toEqual(answer.json());
    expect((await service.call(bob, `GET /v1/transactions/${id}`)).status).toBe(404);
    expect((await transfer('100.01', {}, key)).text).toBe(answer.text);
    expect((await transfer('100.00')).json().status).toBe('posted');
  });

  test('› stands in the lists of its sender, by status, and in the queue of operators', async () => {
    const [id, small] = [await waiting(), (await transfer('1.00')).json().id];
    const list = async (by: Caller, path: string) =>
      (await service.call(by, `GET ${path}`)).json<{ data: { id: string }[] }>().data.map((one) => one.id);
    expect(await list(alice, `/v1/accounts/${from.id}/transactions`)).toEqual([small, id]);
    expect(await list(alice, `/v1/accounts/${from.id}/transactions?limit=1`)).toEqual([small]);
    expect(await list(alice, `/v1/accounts/${from.id}/transactions?status=pending_approval`)).toEqual([id]);
    expect(await list(alice, `/v1/transactions?reference=R-${from.id}&minAmount=100.01`)).toEqual([id]);
    expect(await list(operator, '/v1/transactions?status=pending_approval&minAmount=1')).toContain(id);
    expect(await list(bob, '/v1/transactions?status=pending_approval')).toEqual([]);
    await end(id, 'reject');
    expect(await list(operator, '/v1/transactions?status=pending_approval')).not.toContain(id);
    expect(await list(alice, `/v1/accounts/${from.id}/transactions?status=rejected`)).toEqual([id]);
  });

  test('› 422 insufficient_funds at once, the fee counted in', async () => {
    const answer = await transfer('1000.00');
    expect([answer.status, answer.json().code]).toEqual([422, 'insufficient_funds']);
    expect(answer.json().detail).toContain('1000.00 USD and a fee of 1.00 USD needed');
  });
});

test.each(['pending_transfers', 'approval_decisions'])(
  'the service’s role may not change or remove %s',
  async (table) => {
    for (const change of [sql`update ${sql.table(table)} set id = id`, sql`delete from ${sql.table(table)}`]) {
      await expect(change.execute(service.ledger.db)).rejects.toMatchObject({ code: '42501' });
    }
  },
);

describe('POST /v1/transactions/{id}/approve', () => {
  test('› 200 posted, under the same id, with entries for amount and fee; the hold is gone', async () => {
    const id = await waiting('250.00');
    const before = new Date(Date.now() - 1_000);
    const answer = await end(id, 'approve', operator, { reason: 'known landlord' });
    expect([answer.status, answer.json()]).toMatchObject([200, { id, status: 'posted', amount: '250.00' }]);
    expect(answer.json<{ entries: { account: string; amount: string }[] }>().entries).toMatchObject([
      { account: from.id, amount: '-250.00' },
      { account: from.id, amount: '-1.00' },
      { account: 'fees:USD', amount: '1.00' },
      { account: to.id, amount: '250.00' },
    ]);
    expect(await balance(alice, from)).toEqual({ posted: '749.00', held: '0.00', available: '749.00' });
    expect(await balance(bob, to)).toMatchObject({ posted: '250.00' });
    expect((await service.call(bob, `GET /v1/transactions/${id}`)).json()).toMatchObject({ id, status: 'posted' });
    expect(await eventsOf(id)).toEqual(expect.arrayContaining([transactionPosted.type]));
    expect(await brokenInvariants(service.ledger.db)).toEqual([]);
    const checked = await paymentsPostedBetween(service.ledger.db, before, new Date(Date.now() + 1_000));
    expect(checked).toContain(uuidOfTransaction(id));
  });

  test('› 200 again for the same word, 409 conflict for the other one', async () => {
    const id = await waiting();
    const first = await end(id, 'approve');
    const again = await end(id, 'approve', service.caller({ roles: ['operator'] }));
    expect([again.status, again.json()]).toEqual([200, first.json()]);
    const other = await end(id, 'reject');
    expect([other.status, other.json().code]).toEqual([409, 'conflict']);
    expect(await balance(bob, to)).toMatchObject({ posted: '100.01' });
  });

  test('› the same word again keeps its answer under its key, whatever becomes of the transaction', async () => {
    const id = await waiting();
    await end(id, 'approve');
    const key = { 'idempotency-key': newUuid() };
    const again = () => service.call(operator, `POST /v1/transactions/${id}/approve`, undefined, key);
    const first = await again();
    const reversed = await service.call(
      bob,
      `POST /v1/transactions/${id}/reverse`,
      {},
      { 'idempotency-key': newUuid() },
    );
    expect([first.status, reversed.status]).toEqual([200, 201]);
    const second = await again();
    expect([second.status, second.text]).toEqual([200, first.text]);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  test('› approve and reject at once have one winner', async () => {
    for (let round = 0; round < 5; round++) {
      const id = await waiting('101.00');
      const actions = Array.from({ length: 10 }, (_, place): 'approve' | 'reject' =>
        place % 2 === 0 ? 'approve' : 'reject',
      );
      const answers = await Promise.all(actions.map((action) => end(id, action)));
      const winners = new Set(actions.filter((_, place) => answers[place]?.status === 200));
      expect(winners.size).toBe(1);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
      const status = winners.has('approve') ? 'posted' : 'rejected';
      expect((await service.call(alice, `GET /v1/transactions/${id}`)).json().status).toBe(status);
    }
    expect(await balance(alice, from)).toMatchObject({ held: '0.00' });
    expect(await brokenInvariants(service.ledger.db)).toEqual([]);
  });

  test('› 422 where a rule says no by now, and the transfer goes on waiting', async () => {
    const id = await waiting();
    const freeze = (status: string) =>
      sql`update ledger_accounts set status = ${status} where id = ${from.uuid}`.execute(service.ledger.db);
    await freeze('frozen');
    const refused = await end(id, 'approve');
    expect([refused.status, refused.json().code]).toEqual([422, 'account_frozen']);
    await freeze('active');
    await sql`update ledger_accounts set limit_daily = 10000 where id = ${from.uuid}`.execute(service.ledger.db);
    expect((await end(id, 'approve')).json().code).toBe('limit_exceeded');
    await sql`update ledger_accounts set limit_daily = 10001 where id = ${from.uuid}`.execute(service.ledger.db);
    expect((await end(id, 'approve')).json().status).toBe('posted');
    expect((await transfer('0.01')).json().code).toBe('limit_exceeded');
  });

  test('› 403 forbidden for the own transfer, for a customer and for an auditor', async () => {
    const id = await waiting();
    const both = service.caller({ userId: alice.uuid, roles: ['customer', 'operator'] });
    for (const by of [both, bob, service.caller({ roles: ['auditor'] })]) {
      const answer = await end(id, 'approve', by);
      expect([answer.status, answer.json().code]).toEqual([403, 'forbidden']);
    }
    expect(await balance(alice, from)).toMatchObject({ held: '101.01' });
  });

  test('› 404 for what never waited', async () => {
    const posted = (await transfer('1.00')).json().id;
    expect((await end(String(posted), 'approve')).status).toBe(404);
    expect((await end('txn_01h455vb4pex5vsknk084sn02q', 'reject')).status).toBe(404);
  });

  test('› is not got around by a hold: so much is captured by an operator only', async () => {
    const place = { account: from.id, to: to.id, amount: '100.01', currency: 'USD' };
    const key = () => ({ 'idempotency-key': newUuid() });
    const { id } = (await service.call(alice, 'POST /v1/holds', place, key())).json();
    const capture = (by: Caller, body?: unknown) => service.call(by, `POST /v1/holds/${id}/capture`, body, key());
    for (const by of [alice, bob, service.caller({ userId: bob.uuid, roles: ['customer', 'operator'] })]) {
      expect((await capture(by)).json().code).toBe('limit_exceeded');
    }
    expect((await capture(operator)).status).toBe(200);
    const { id: other } = (await service.call(alice, 'POST /v1/holds', place, key())).json();
    const less = await service.call(alice, `POST /v1/holds/${other}/capture`, { amount: '100.00' }, key());
    expect(less.status).toBe(200);
  });

  test('› the hold cannot be captured or voided around it', async () => {
    const id = await waiting();
    const hold = id.replace('txn_', 'hld_');
    for (const [action, body] of [
      ['capture', { to: to.id }],
      ['void', undefined],
    ] as const) {
      const answer = await service.call(alice, `POST /v1/holds/${hold}/${action}`, body, {
        'idempotency-key': newUuid(),
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
    expect(await balance(alice, from)).toMatchObject({ posted: '1000.00', held: '101.01' });
  });
});

describe('POST /v1/transactions/{id}/reject', () => {
  test('› 200 rejected with the reason; the funds are free and the customer is told', async () => {
    const id = await waiting();
    const answer = await end(id, 'reject', operator, { reason: 'unknown payee' });
    const failure = { code: 'rejected', message: 'unknown payee' };
    expect([answer.status, answer.json()]).toMatchObject([200, { id, status: 'rejected', failure }]);
    expect(await balance(alice, from)).toEqual({ posted: '1000.00', held: '0.00', available: '1000.00' });
    const read = await service.call(alice, `GET /v1/transactions/${id}`);
    expect(read.json()).toMatchObject({ status: 'rejected', failure, entries: [] });
    const { rows } = await sql<{ data: unknown }>`
      select event -> 'data' as data from outbox where event ->> 'subject' = ${id}
        and event ->> 'type' = ${transactionFailed.type}`.execute(service.ledger.db);
    expect(rows.map(({ data }) => transactionFailed.parse(data))).toMatchObject([
      { transaction: { id, owner: alice.id }, failure },
    ]);
  });
});
