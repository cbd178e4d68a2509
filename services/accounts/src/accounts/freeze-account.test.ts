import { accountFrozen, accountUnfrozen } from '@florin/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Caller, startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import type { AccountView } from './account-view.ts';

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

const set = (action: 'freeze' | 'unfreeze', by = operator): Promise<Answer> =>
  service.call(by, `POST /v1/accounts/${account.id}/${action}`, { reason: 'court order 12' });
const inLedger = () => service.ledger.accounts.get(account.id);

async function events() {
  const rows = await service.db.selectFrom('outbox').select('event').orderBy('position').execute();
  const all = rows.map((row) => row.event as { type: string; data: unknown });
  return all.filter(({ type }) => type === accountFrozen.type || type === accountUnfrozen.type);
}

describe('POST /v1/accounts/{id}/freeze', () => {
  it('200 frozen once the ledger has it, with one event and a record of who and why', async () => {
    const answer = await set('freeze');
    expect([answer.status, answer.json()]).toEqual([200, { ...account, status: 'frozen' }]);
    expect(inLedger()).toEqual({ status: 'frozen', version: 2 });
    const [event, ...others] = await events();
    expect(others).toEqual([]);
    expect(accountFrozen.parse(event?.data)).toMatchObject({
      account: { id: account.id, status: 'frozen', version: 2 },
      reason: 'court order 12',
    });
    const record = service.db.selectFrom('status_changes').selectAll().where('account_id', '=', uuidOf(account));
    expect(await record.where('version', '=', 2).executeTakeFirst()).toMatchObject({
      status: 'frozen',
      actor: operator.uuid,
      reason: 'court order 12',
    });
  });

  it('200 again for a frozen account, and the ledger is told again', async () => {
    await set('freeze');
    service.ledger.accounts.clear();
    expect((await set('freeze')).status).toBe(200);
    expect(inLedger()).toEqual({ status: 'frozen', version: 2 });
    expect(await events()).toHaveLength(1);
  });

  it('503 with Retry-After while the ledger has not confirmed; a repeat answers 200', async () => {
    service.ledger.behaviour = 'unavailable';
    const answer = await set('freeze');
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'upstream_unavailable' }]);
    expect(answer.headers['retry-after']).toBe('2');
    expect(inLedger()).toEqual({ status: 'active', version: 1 });
    // The decision stands and its event is on the way.
    expect(await events()).toHaveLength(1);
    service.ledger.behaviour = 'up';
    expect((await set('freeze')).status).toBe(200);
    expect(inLedger()).toEqual({ status: 'frozen', version: 2 });
    expect(await events()).toHaveLength(1);
  });

  it('422 account_closed', async () => {
    await service.call(owner, `POST /v1/accounts/${account.id}/close`);
    const answer = await set('freeze');
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_closed' }]);
  });

  it('learns the outcome of a closing under way first', async () => {
    service.ledger.behaviour = 'lost';
    await service.call(owner, `POST /v1/accounts/${account.id}/close`);
    service.ledger.behaviour = 'up';
    expect((await set('freeze')).json()).toMatchObject({ code: 'account_closed' });
    const other = await service.open(owner);
    service.ledger.behaviour = 'unavailable';
    await service.call(owner, `POST /v1/accounts/${other.id}/close`);
    service.ledger.behaviour = 'up';
    service.ledger.filled.add(other.id);
    const frozen = await service.call(operator, `POST /v1/accounts/${other.id}/freeze`, { reason: 'x' });
    expect([frozen.status, frozen.json()]).toMatchObject([200, { status: 'frozen' }]);
    expect(service.ledger.accounts.get(other.id)?.status).toBe('frozen');
  });

  it('10 at once freeze it once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => set('freeze')));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect(inLedger()).toEqual({ status: 'frozen', version: 2 });
    expect(await events()).toHaveLength(1);
  });

  it('freezing, unfreezing and closing at once leave the ledger with what this service has', async () => {
    const calls = Array.from({ length: 24 }, (_, place) =>
      place % 3 === 0
        ? set('freeze')
        : place % 3 === 1
          ? set('unfreeze')
          : service.call(owner, `POST /v1/accounts/${account.id}/close`),
    );
    for (const answer of await Promise.all(calls)) expect([200, 422, 503]).toContain(answer.status);
    const query = service.db.selectFrom('accounts').select(['status', 'version']).where('id', '=', uuidOf(account));
    const row = await query.executeTakeFirstOrThrow();
    expect(inLedger()).toEqual(row);
  });

  it.each([['customer'], ['auditor']] as const)('403 forbidden for a %s, even of the own account', async (role) => {
    const answer = await set('freeze', service.caller({ userId: owner.uuid, roles: [role] }));
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'forbidden' }]);
    expect(inLedger()).toEqual({ status: 'active', version: 1 });
  });

  it('404 for an account that does not exist, 400 without a reason', async () => {
    const path = 'POST /v1/accounts/acc_01h455vb4pex5vsknk084sn02q/freeze';
    expect((await service.call(operator, path, { reason: 'x' })).status).toBe(404);
    expect((await service.call(operator, path, {})).status).toBe(400);
    expect((await service.call(operator, path, { reason: ' ' })).status).toBe(400);
  });
});

describe('POST /v1/accounts/{id}/unfreeze', () => {
  it('200 active, in the ledger too, with an event; and 200 again', async () => {
    await set('freeze');
    const answer = await set('unfreeze');
    expect([answer.status, answer.json()]).toEqual([200, account]);
    expect(inLedger()).toEqual({ status: 'active', version: 3 });
    expect((await set('unfreeze')).status).toBe(200);
    expect((await events()).map((event) => event.type)).toEqual([accountFrozen.type, accountUnfrozen.type]);
  });
});
