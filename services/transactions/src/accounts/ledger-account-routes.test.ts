import { ledgerAccountOpened } from '@florin/contracts';
import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let accounts: { token: string };
let owner: Caller;
beforeAll(async () => {
  service = await startTestService();
  accounts = { token: service.issuer.serviceToken('accounts', 'transactions') };
  owner = service.caller();
});
afterAll(() => service.close());

let numbers = 0;
function account() {
  numbers += 1;
  const uuid = newUuid();
  const path = `/internal/ledger-accounts/${formatId('acc', uuid)}`;
  const fixed = { owner: owner.id, currency: 'USD', accountNumber: `LU00TEST${numbers}` };
  const put = (status: string, version: number, changes = {}) =>
    service.call(accounts, `PUT ${path}`, { ...fixed, status, version, ...changes });
  return { uuid, id: formatId('acc', uuid), put };
}

const fill = (uuid: string, posted: bigint) =>
  sql`update ledger_accounts set posted = ${posted} where id = ${uuid}`.execute(service.ledger.db);

describe('PUT /internal/ledger-accounts/{id}', () => {
  test('› opens the account once and tells of it once, however often it is asked', async () => {
    const { id, put } = account();
    const answers = await Promise.all(Array.from({ length: 10 }, () => put('active', 1)));
    expect(answers.map((answer) => [answer.status, answer.json()])).toEqual(
      Array(10).fill([200, { id, status: 'active', version: 1 }]),
    );
    const { rows } = await sql<{ data: unknown }>`
      select event -> 'data' as data from outbox
      where event ->> 'type' = ${ledgerAccountOpened.type} and event ->> 'subject' = ${id}`.execute(service.ledger.db);
    expect(rows).toEqual([{ data: { account: id, version: 1 } }]);
  });

  test('› an older version changes nothing and is told what there is', async () => {
    const { id, put } = account();
    await put('frozen', 3);
    expect((await put('active', 2)).json()).toEqual({ id, status: 'frozen', version: 3 });
  });

  test('› 422 account_not_empty: an account with money is not closed', async () => {
    const { uuid, put } = account();
    await put('active', 1);
    await fill(uuid, 1n);
    const refused = await put('closed', 2);
    expect([refused.status, refused.json().code]).toEqual([422, 'account_not_empty']);
    await fill(uuid, 0n);
    expect((await put('closed', 2)).json()).toMatchObject({ status: 'closed', version: 2 });
  });

  test('› 409 conflict when the id stands for an account of another owner', async () => {
    const { put } = account();
    await put('active', 1);
    const other = await put('active', 2, { owner: service.caller().id });
    expect([other.status, other.json().code]).toEqual([409, 'conflict']);
  });

  test('› once a freeze has answered no debit succeeds, also of those under way', async () => {
    const { uuid, id, put } = account();
    await put('active', 1);
    await fill(uuid, 1_000_000n);
    const target = await service.open(service.caller());
    let frozenAt = Number.POSITIVE_INFINITY;
    const late: number[] = [];
    const spend = async () => {
      for (let round = 0; round < 30; round++) {
        const started = performance.now();
        const body = { from: id, to: target.id, amount: '0.01', currency: 'USD' };
        const answer = await service.call(owner, 'POST /v1/transfers', body, { 'idempotency-key': newUuid() });
        if (started > frozenAt) late.push(answer.status);
      }
    };
    const spending = Promise.all(Array.from({ length: 8 }, spend));
    await put('frozen', 2);
    frozenAt = performance.now();
    await spending;
    expect(late.length).toBeGreaterThan(0);
    expect(new Set(late)).toEqual(new Set([422]));
  });

  test.each([
    ['a user', () => service.caller()],
    ['an operator', () => service.caller({ roles: ['admin'] })],
    ['another service', () => ({ token: service.issuer.serviceToken('gateway', 'transactions') })],
  ])('› %s may not', async (_, by) => {
    const body = { owner: owner.id, currency: 'USD', accountNumber: 'LU00X', status: 'active', version: 1 };
    const answer = await service.call(by(), `PUT /internal/ledger-accounts/${formatId('acc', newUuid())}`, body);
    expect([401, 403]).toContain(answer.status);
  });
});
