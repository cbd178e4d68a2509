import { createDatabase, createPool } from '@florin/database';
import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Tables } from '../tables.ts';
import {
  type Caller,
  type Opened,
  startTestService,
  type TestService,
  uuidOfTransaction,
} from '../testing/test-service.ts';
import { toTransferPolicy } from '../transfers/transfer-policy.ts';

let service: TestService;
let alice: Caller;
let operator: Caller;
let from: Opened;
let to: Opened;
beforeAll(async () => {
  const settings = { TRANSFER_FEE: 'USD:0.25+0.1%:max=5.00', APPROVAL_THRESHOLD: 'USD:500.00' };
  service = await startTestService(toTransferPolicy(settings));
  [alice, operator] = [service.caller(), service.caller({ roles: ['operator'] })];
});
beforeEach(async () => {
  [from, to] = [await service.open(alice, 1_000_00n), await service.open(service.caller())];
});
afterAll(() => service.close());

const limit = (daily: bigint | null, monthly: bigint | null = null) =>
  sql`update ledger_accounts set limit_daily = ${daily}, limit_monthly = ${monthly} where id = ${from.uuid}`.execute(
    service.ledger.db,
  );

async function post(path: string, body: unknown): Promise<string> {
  const answer = await service.call(alice, `POST ${path}`, body, { 'idempotency-key': newUuid() });
  expect(answer.status).toBeLessThan(300);
  return String(answer.json().id);
}

const transfer = (amount: string, currency = 'USD', [a, b] = [from, to]) =>
  post('/v1/transfers', { from: a.id, to: b.id, amount, currency });

interface Explained {
  readonly recorded: boolean;
  readonly limits: unknown[];
  readonly rules: { readonly rule: string; readonly step: string; readonly values: Record<string, string> }[];
}

const explain = async (id: string, by = alice) =>
  (await service.call(by, `GET /v1/transactions/${id}/explain`)).json<Explained>();

async function records(id: string): Promise<number> {
  const uuid = uuidOfTransaction(id);
  const rows = await service.ledger.db
    .selectFrom('decision_records')
    .select('step')
    .where('transaction_id', '=', uuid)
    .execute();
  return rows.length;
}

async function asSuperuser(change: string): Promise<void> {
  const pool = createPool({ url: service.ledger.database.adminUrl, schema: 'transactions', applicationName: 'tamper' });
  const admin = createDatabase<Tables>(pool);
  await sql.raw(change).execute(admin);
  await admin.destroy();
}

describe('GET /v1/transactions/{id}/explain tells what the decision looked at', () => {
  test('› the limits in force then and their use, whatever they are now', async () => {
    await limit(100_00n, 300_00n);
    await transfer('30.00');
    const id = await transfer('20.00');
    await limit(1_00n);
    const told = await explain(id);
    const use = { usedToday: '30.00', usedThisMonth: '30.00' };
    const limits = { perTransaction: null, daily: '100.00', monthly: '300.00', ...use };
    expect(told.limits).toEqual([{ step: 'posting', account: from.id, currency: 'USD', ...limits }]);
    expect((await explain(id, operator)).limits).toEqual(told.limits);
    await limit(null);
    expect((await explain(id)).limits).toEqual(told.limits);
  });

  test('› the fee’s rule, the threshold, and what was held', async () => {
    await post('/v1/holds', { account: from.id, amount: '15.00', currency: 'USD' });
    const { rules, recorded } = await explain(await transfer('100.00'));
    expect(recorded).toBe(true);
    expect(rules).toEqual([
      {
        rule: 'sufficient_funds',
        step: 'posting',
        account: from.id,
        values: { balanceBefore: '1000.00', held: '15.00', debited: '100.35', floor: '0.00' },
      },
      {
        rule: 'fee',
        step: 'posting',
        values: { fixed: '0.25', percent: '0.1', max: '5.00', charged: '0.35', currency: 'USD' },
      },
      { rule: 'approval', step: 'posting', values: { threshold: '500.00', outcome: 'not_needed' } },
    ]);
  });

  test('› of a transfer that waited, both its request and its posting', async () => {
    await limit(900_00n);
    const id = await transfer('600.00');
    await transfer('50.00');
    expect((await explain(id)).limits).toMatchObject([{ step: 'request', usedToday: '0.00' }]);
    const approved = await service.call(operator, `POST /v1/transactions/${id}/approve`);
    expect(approved.status).toBe(200);
    const { limits, rules } = await explain(id);
    expect(limits).toMatchObject([
      { step: 'request', daily: '900.00', usedToday: '0.00' },
      { step: 'posting', daily: '900.00', usedToday: '50.00' },
    ]);
    expect(rules).toMatchObject([
      { rule: 'sufficient_funds', step: 'request', values: { balanceBefore: '1000.00', asked: '600.00' } },
      { rule: 'sufficient_funds', step: 'posting', values: { balanceBefore: '949.70', debited: '600.85' } },
      { rule: 'fee', step: 'request', values: { charged: '0.85' } },
      { rule: 'approval', step: 'request', values: { threshold: '500.00', outcome: 'approved' } },
    ]);
  });

  test('› of each transfer of a batch what it saw after those before it', async () => {
    await limit(100_00n);
    const wish = { from: from.id, to: to.id, amount: '10.00', currency: 'USD' };
    const body = { mode: 'atomic', transfers: [wish, wish] };
    const answer = await service.call(alice, 'POST /v1/transfers/batch', body, { 'idempotency-key': newUuid() });
    const { results } = answer.json<{ results: { transaction: { id: string } }[] }>();
    const seen = await Promise.all(results.map(async ({ transaction }) => (await explain(transaction.id)).limits));
    expect(seen).toMatchObject([[{ usedToday: '0.00' }], [{ usedToday: '10.00' }]]);
  });

  test('› nothing is written where nothing was in force', async () => {
    const accounts = [await service.open(alice, 100_00n, 'EUR'), await service.open(alice, 0n, 'EUR')] as const;
    const id = await transfer('1.00', 'EUR', [...accounts]);
    expect(await records(id)).toBe(0);
    const told = await explain(id);
    expect(told).toMatchObject({ recorded: true, limits: [], rules: [{ values: { held: '0.00' } }] });
    expect(told.rules).toHaveLength(1);
    expect(await records(await transfer('1.00'))).toBe(1);
  });

  test('› that nothing was recorded, of transactions from before', async () => {
    await limit(100_00n);
    const old = await transfer('1.00');
    const uuid = uuidOfTransaction(old);
    await asSuperuser(`delete from decision_records where transaction_id = '${uuid}'`);
    await asSuperuser(`update transactions set decision_unrecorded = true where id = '${uuid}'`);
    const told = await explain(old);
    expect(told).toMatchObject({ recorded: false, limits: [] });
    expect(told.rules[0]?.values).toEqual({ balanceBefore: '1000.00', debited: '1.25', floor: '0.00' });
  });

  test('› that nothing was recorded, of a wish that waits from before', async () => {
    const id = await transfer('600.00');
    await asSuperuser(`delete from decision_records where transaction_id = '${uuidOfTransaction(id)}'`);
    expect(await explain(id)).toMatchObject({ recorded: false, limits: [] });
  });
});

test('the service’s role may not change or remove what is recorded', async () => {
  for (const change of [sql`update decision_records set held = 0`, sql`delete from decision_records`]) {
    await expect(change.execute(service.ledger.db)).rejects.toMatchObject({ code: '42501' });
  }
});
