import { newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemAccountId } from '../accounts/system-accounts.ts';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { type Answer, type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { toTransferPolicy } from './transfer-policy.ts';

let service: TestService;
let alice: Caller;
let bob: Caller;
beforeAll(async () => {
  service = await startTestService(
    toTransferPolicy({ TRANSFER_FEE: 'USD:0.25+0.1%:max=5.00', APPROVAL_THRESHOLD: 'EUR:10.00' }),
  );
  [alice, bob] = [service.caller(), service.caller()];
});
afterAll(() => service.close());

async function pair(posted: bigint, currency = 'USD') {
  const [from, to] = [await service.open(alice, posted, currency), await service.open(bob, 0n, currency)];
  const wish = (amount: string) => ({ from: from.id, to: to.id, amount, currency });
  const post = (amount: string): Promise<Answer> =>
    service.call(alice, 'POST /v1/transfers', wish(amount), { 'idempotency-key': newUuid() });
  const dryRun = (amount: string, changes: Record<string, unknown> = {}): Promise<Answer> =>
    service.call(alice, 'POST /v1/transfers?dryRun=true', { ...wish(amount), ...changes });
  return { from, to, wish, post, dryRun };
}

async function everything(): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*) from transactions) as transactions, (select count(*) from holds) as holds,
      (select count(*) from pending_transfers) as waiting, (select count(*) from outbox) as events,
      (select count(*) from idempotency_keys) as keys, (select count(*) from ledger_accounts) as accounts,
      (select sum(posted * posted) from ledger_accounts) as balances`.execute(service.ledger.db);
  return rows[0];
}

async function feesEarned(): Promise<bigint> {
  const { rows } = await sql<{ posted: bigint; class: string }>`
    select posted, class from ledger_accounts where id = ${systemAccountId('fees:USD', 'USD')}`.execute(
    service.ledger.db,
  );
  expect(rows[0]?.class).toBe('income');
  return rows[0]?.posted ?? 0n;
}

describe('a transfer with a fee', () => {
  test('› posts the fee in the same transaction, beside an amount that stays what was asked', async () => {
    const { from, to, post } = await pair(20_000n);
    const earned = await feesEarned();
    const answer = await post('100.00');
    expect(answer.json()).toMatchObject({ status: 'posted', amount: '100.00' });
    const { id, entries } = answer.json<{ id: string; entries: unknown[] }>();
    expect(entries).toEqual([
      { account: from.id, amount: '-100.00', balanceAfter: '100.00', version: 1 },
      { account: from.id, amount: '-0.35', balanceAfter: '99.65', version: 2 },
      { account: 'fees:USD', amount: '0.35' },
      { account: to.id, amount: '100.00' },
    ]);
    expect((await service.call(alice, `GET /v1/transactions/${id}`)).json()).toEqual(answer.json());
    expect((await feesEarned()) - earned).toBe(35n);
    expect(await brokenInvariants(service.ledger.db)).toEqual([]);
  });

  test('› 422 insufficient_funds where the amount is there and the fee is not', async () => {
    const { from, post } = await pair(10_000n);
    const answer = await post('100.00');
    expect(answer.json()).toMatchObject({
      code: 'insufficient_funds',
      detail: `Account ${from.id} has 100.00 USD available; 100.00 USD and a fee of 0.35 USD needed.`,
    });
    expect((await post('99.65')).status).toBe(201);
  });

  test('› a batch pays for each', async () => {
    const { wish } = await pair(1_000n);
    const body = { mode: 'independent', transfers: Array.from({ length: 9 }, () => wish('1.00')) };
    const answer = await service.call(alice, 'POST /v1/transfers/batch', body, { 'idempotency-key': newUuid() });
    const { results } = answer.json<{ results: { transaction?: unknown }[] }>();
    // 1.00 costs 0.25: eight times 1.25 is all there is.
    expect(results.map(({ transaction }) => transaction !== undefined)).toEqual([...Array(8).fill(true), false]);
  });
});

describe('POST /v1/transfers?dryRun=true', () => {
  test('› 200 with what would be posted, fee and balances included; nothing is written and no key needed', async () => {
    const { from, to, dryRun, post } = await pair(20_000n);
    const before = await everything();
    const answer = await dryRun('100.00');
    expect([answer.status, answer.json()]).toMatchObject([
      200,
      {
        dryRun: true,
        status: 'posted',
        amount: '100.00',
        from: from.id,
        to: to.id,
        entries: [
          { account: from.id, amount: '-100.00', balanceAfter: '100.00', version: 1 },
          { account: from.id, amount: '-0.35', balanceAfter: '99.65', version: 2 },
          { account: 'fees:USD', amount: '0.35' },
          { account: to.id, amount: '100.00' },
        ],
      },
    ]);
    expect(await everything()).toEqual(before);
    const { id: _, dryRun: __, createdAt, postedAt, effectiveAt, ...would } = answer.json();
    const posted = (await post('100.00')).json();
    expect(posted).toMatchObject(would);
    expect(posted).not.toHaveProperty('dryRun');
    expect([createdAt, postedAt]).toEqual([effectiveAt, effectiveAt]);
  });

  test('› 200 pending_approval for what would have to wait', async () => {
    const { dryRun } = await pair(20_000n, 'EUR');
    const before = await everything();
    expect((await dryRun('10.01')).json()).toMatchObject({ dryRun: true, status: 'pending_approval' });
    expect(await everything()).toEqual(before);
  });

  test('› the problem that the transfer would have, limits included', async () => {
    const { from, dryRun } = await pair(20_000n);
    const before = await everything();
    expect([(await dryRun('200.00')).status, (await dryRun('200.00')).json().code]).toEqual([
      422,
      'insufficient_funds',
    ]);
    expect((await dryRun('1.00', { to: from.id })).json().code).toBe('same_account');
    expect((await dryRun('1.00', { from: 'acc_01h455vb4pex5vsknk084sn02q' })).status).toBe(404);
    expect((await dryRun('1.001')).status).toBe(400);
    expect(await everything()).toEqual(before);
    await sql`update ledger_accounts set limit_per_transaction = 100 where id = ${from.uuid}`.execute(
      service.ledger.db,
    );
    expect((await dryRun('1.01')).json().code).toBe('limit_exceeded');
    expect((await dryRun('1.00')).status).toBe(200);
  });

  test('› a key that comes along is not burnt', async () => {
    const { wish } = await pair(20_000n);
    const headers = { 'idempotency-key': newUuid() };
    const dry = await service.call(alice, 'POST /v1/transfers?dryRun=true', wish('1.00'), headers);
    const real = await service.call(alice, 'POST /v1/transfers', wish('1.00'), headers);
    expect([dry.status, real.status, real.headers['idempotent-replayed']]).toEqual([200, 201, undefined]);
  });

  test('› dryRun=false is a transfer, and needs its key', async () => {
    const { wish } = await pair(20_000n);
    const answer = await service.call(alice, 'POST /v1/transfers?dryRun=false', wish('1.00'));
    expect(answer.json().code).toBe('idempotency_key_required');
  });
});
