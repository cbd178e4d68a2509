import { accountLimitsChanged } from '@florin/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Caller, startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import { InvalidFieldError } from './account.ts';
import type { AccountView } from './account-view.ts';
import { noLimits, readLimits } from './limits.ts';

let service: TestService;
let owner: Caller;
let operator: Caller;
let account: AccountView;
beforeEach(async () => {
  service = await startTestService();
  owner = service.caller();
  operator = service.caller({ roles: ['operator'] });
  account = await service.open(owner);
});
afterEach(() => service.close());

const set = (limits: Record<string, unknown>, by = operator): Promise<Answer> =>
  service.call(by, `PUT /v1/accounts/${account.id}/limits`, limits);

async function events() {
  const rows = await service.db.selectFrom('outbox').select('event').orderBy('position').execute();
  const all = rows.map((row) => row.event as { type: string; data: unknown });
  return all.filter(({ type }) => type === accountLimitsChanged.type);
}

const limits = { perTransaction: '100.00', daily: '250.00', monthly: null };

describe('PUT /v1/accounts/{id}/limits', () => {
  it('200 with the limits once the ledger has them, with one event and a record of who', async () => {
    const answer = await set({ perTransaction: '100', daily: '250.00' });
    expect([answer.status, answer.json()]).toEqual([200, { ...account, limits }]);
    expect(service.ledger.limits.get(account.id)).toEqual(limits);
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'active', version: 2 });
    const [event, ...others] = await events();
    expect(others).toEqual([]);
    expect(accountLimitsChanged.parse(event?.data)).toMatchObject({
      account: { id: account.id, limits, status: 'active', version: 2 },
    });
    const record = service.db.selectFrom('status_changes').selectAll().where('account_id', '=', uuidOf(account));
    expect(await record.where('version', '=', 2).executeTakeFirst()).toMatchObject({
      status: 'active',
      actor: operator.uuid,
      limit_per_transaction: 10_000n,
      limit_daily: 25_000n,
      limit_monthly: null,
    });
    const read = await service.call(owner, `GET /v1/accounts/${account.id}`);
    expect(read.json()).toMatchObject({ limits });
  });

  it('leaves what is left out as it is, and lifts what is null', async () => {
    await set({ perTransaction: '100.00', daily: '250.00' });
    const answer = await set({ daily: null, monthly: '9000.00' });
    const after = { perTransaction: '100.00', daily: null, monthly: '9000.00' };
    expect(answer.json()).toMatchObject({ limits: after });
    expect(service.ledger.limits.get(account.id)).toEqual(after);
  });

  it('503 while the ledger has not confirmed; a repeat tells it the same version again', async () => {
    service.ledger.behaviour = 'unavailable';
    const answer = await set({ daily: '250.00' });
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'upstream_unavailable' }]);
    service.ledger.behaviour = 'up';
    expect((await set({ daily: '250.00' })).status).toBe(200);
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'active', version: 2 });
    expect(await events()).toHaveLength(1);
  });

  it('a freeze afterwards tells the ledger the limits too', async () => {
    await set({ perTransaction: '100.00', daily: '250.00' });
    service.ledger.limits.clear();
    const frozen = await service.call(operator, `POST /v1/accounts/${account.id}/freeze`, { reason: 'court' });
    expect(frozen.json()).toMatchObject({ status: 'frozen', limits });
    expect(service.ledger.limits.get(account.id)).toEqual(limits);
    expect((await set({ monthly: '1.00' })).json()).toMatchObject({ status: 'frozen' });
  });

  it('422 account_closed', async () => {
    await service.call(owner, `POST /v1/accounts/${account.id}/close`);
    const answer = await set({ daily: '1.00' });
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_closed' }]);
  });

  it.each([['customer'], ['auditor']] as const)('403 forbidden for a %s, even of the own account', async (role) => {
    const answer = await set({ daily: '1.00' }, service.caller({ userId: owner.uuid, roles: [role] }));
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'forbidden' }]);
  });

  it('404 for an account that does not exist; 400 for what is no amount, with its pointer', async () => {
    const path = 'PUT /v1/accounts/acc_01h455vb4pex5vsknk084sn02q/limits';
    expect((await service.call(operator, path, { daily: '1.00' })).status).toBe(404);
    for (const wrong of ['0', '1.001', '-1', 5, '']) {
      const answer = await set({ monthly: wrong });
      expect([answer.status, answer.json()]).toMatchObject([400, { errors: [{ pointer: '/monthly' }] }]);
    }
    expect(await events()).toEqual([]);
  });
});

it('readLimits refuses an amount that no account can hold', () => {
  expect(() => readLimits({ daily: '999999999999999' }, noLimits, 'HBAR')).toThrow(InvalidFieldError);
});
