import { newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealKey } from '../seals/seal-key.ts';
import { sealPosted } from '../testing/seal.ts';
import { type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let bob: Caller;
let from: Opened;
let to: Opened;
beforeAll(async () => {
  service = await startTestService({
    fees: new Map(),
    approvalThresholds: new Map([['USD', 50_000n]]),
  });
  [alice, bob] = [service.caller(), service.caller()];
  from = await service.open(alice, 1_000_00n);
  to = await service.open(bob);
});
afterAll(() => service.close());

async function transfer(amount: string): Promise<string> {
  const body = { from: from.id, to: to.id, amount, currency: 'USD' };
  const answer = await service.call(alice, 'POST /v1/transfers', body, { 'idempotency-key': newUuid() });
  expect(answer.status).toBe(201);
  return String(answer.json().id);
}

const explain = (by: Caller, id: string) => service.call(by, `GET /v1/transactions/${id}/explain`);

describe('GET /v1/transactions/{id}/explain', () => {
  test('› 200 who asked, the balance seen, rules with values, trace and seal', async () => {
    const id = await transfer('12.50');
    const read = await service.call(alice, `GET /v1/transactions/${id}`);
    const told = await explain(alice, id);
    expect(told.status).toBe(200);
    expect(told.json()).toEqual({
      transaction: read.json(),
      initiatedBy: alice.id,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      balances: [
        { account: from.id, currency: 'USD', before: '1000.00', change: '-12.50', after: '987.50', version: 1 },
      ],
      rules: [
        {
          rule: 'sufficient_funds',
          step: 'posting',
          account: from.id,
          values: { balanceBefore: '1000.00', held: '0.00', debited: '12.50', floor: '0.00' },
        },
        { rule: 'approval', step: 'posting', values: { threshold: '500.00', outcome: 'not_needed' } },
      ],
      recorded: true,
      limits: [],
      approvals: [],
      providerCalls: [],
      reversals: [],
      events: [{ type: 'transactions.transaction.posted.v1', time: read.json().postedAt }],
      deliveries: [],
      seal: null,
    });
    await sealPosted(service.ledger.db, sealKey(Buffer.alloc(32, 7)));
    expect((await explain(alice, id)).json()).toMatchObject({ seal: 1 });
  });

  test('› to the other side nothing of this side’s', async () => {
    const id = await transfer('1.00');
    const told = await explain(bob, id);
    expect(told.json()).toMatchObject({ initiatedBy: null, traceId: null, rules: [], limits: [] });
    expect(told.json().balances).toMatchObject([{ account: to.id }]);
    const operator = service.caller({ roles: ['operator'] });
    expect((await explain(operator, id)).json()).toMatchObject({
      initiatedBy: alice.id,
      balances: [{ account: from.id }, { account: to.id }],
    });
  });

  test('› that it waits for an operator, and what was decided', async () => {
    const id = await transfer('600.00');
    expect((await explain(alice, id)).json()).toMatchObject({
      initiatedBy: alice.id,
      approvals: [{ outcome: null, decidedBy: null, decidedAt: null }],
      rules: [
        { rule: 'sufficient_funds', step: 'request', values: { asked: '600.00' } },
        { rule: 'approval', step: 'request', values: { threshold: '500.00', outcome: 'pending' } },
      ],
      recorded: true,
      hold: { amount: '600.00', status: 'active', purpose: 'approval' },
      events: [],
      seal: null,
    });
    const operator = service.caller({ roles: ['operator'] });
    const decided = await service.call(operator, `POST /v1/transactions/${id}/reject`, { reason: 'unusual' });
    expect(decided.status).toBe(200);
    expect((await explain(alice, id)).json()).toMatchObject({
      approvals: [{ outcome: 'rejected', decidedBy: null, reason: 'unusual' }],
    });
    expect((await explain(operator, id)).json()).toMatchObject({ approvals: [{ decidedBy: operator.id }] });
  });

  test('› the quote of a conversion', async () => {
    const euros = await service.open(alice, 100_00n, 'EUR');
    const wish = { sell: 'EUR', buy: 'USD', amount: '10.00', side: 'sell' };
    const { id: quote } = (await service.call(alice, 'POST /v1/fx/quotes', wish)).json<{ id: string }>();
    const body = { quote, from: euros.id, to: from.id };
    const made = await service.call(alice, 'POST /v1/conversions', body, { 'idempotency-key': newUuid() });
    const { rules } = (await explain(alice, String(made.json().id))).json<{ rules: unknown[] }>();
    expect(rules).toContainEqual({
      rule: 'quote',
      step: 'posting',
      values: { quote, midRate: '1.085', rate: '1.079575', spreadBasisPoints: '50', expiresAt: expect.any(String) },
    });
  });

  test('› 404 for others and for none, 403 without the scope', async () => {
    const id = await transfer('1.00');
    const [other, none] = [await explain(service.caller(), id), await explain(alice, 'txn_01h455vb4pex5vsknk084sn02q')];
    expect(other.status).toBe(404);
    expect(other.json().detail).toBe(none.json().detail);
    const writer = service.caller({ userId: alice.uuid, scopes: ['transactions:write'] });
    expect((await explain(writer, id)).status).toBe(403);
  });
});
