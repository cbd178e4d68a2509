import { accountOpened } from '@florin/contracts';
import { isValidIBAN } from 'ibantools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import type { AccountView } from './account-view.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const wanted = { name: 'Daily', type: 'checking', currency: 'USD' };

describe('POST /v1/accounts', () => {
  it('201 active, with an IBAN, an empty balance and no limits', async () => {
    const caller = service.caller();
    const answer = await service.call(caller, 'POST /v1/accounts', wanted);
    expect(answer.status).toBe(201);
    const account = answer.json<AccountView>();
    expect(account).toEqual({
      id: expect.stringMatching(/^acc_[0-9a-z]{26}$/),
      name: 'Daily',
      type: 'checking',
      currency: 'USD',
      status: 'active',
      accountNumber: expect.stringMatching(/^LU\d{2}999\d{13}$/),
      owner: caller.id,
      balance: { posted: '0.00', held: '0.00', available: '0.00', asOf: account.createdAt },
      limits: { perTransaction: null, daily: null, monthly: null },
      createdAt: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
    });
    expect(isValidIBAN(account.accountNumber)).toBe(true);
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'active', version: 1 });
    const read = await service.call(caller, `GET /v1/accounts/${account.id}`);
    expect(read.json()).toEqual(account);
  });

  it('writes the event in the same transaction', async () => {
    const account = await service.open(service.caller(), { name: 'Evented' });
    const rows = await service.db.selectFrom('outbox').select('event').execute();
    const events = rows.map((row) => row.event as { type: string; subject: string; data: unknown });
    const [event, ...others] = events.filter((candidate) => candidate.subject === account.id);
    expect(others).toEqual([]);
    expect(event?.type).toBe(accountOpened.type);
    const { id, owner, name, type, currency, accountNumber } = account;
    const { limits } = account;
    const facts = { id, owner, name, type, currency, accountNumber, limits, status: 'active', version: 1 };
    expect(accountOpened.parse(event?.data)).toEqual({ account: facts });
  });

  it('201 for a goal account with and without a goal', async () => {
    const caller = service.caller();
    const goal = { amount: '1500', dueDate: '2999-12-31' };
    const withGoal = await service.open(caller, { type: 'goal', goal });
    expect(withGoal.goal).toEqual({ amount: '1500.00', dueDate: '2999-12-31' });
    expect(await service.open(caller, { type: 'goal', goal: { amount: '7' } })).toHaveProperty('goal', {
      amount: '7.00',
    });
    expect(await service.open(caller, { type: 'goal' })).not.toHaveProperty('goal');
  });

  it.each([
    ['an unknown currency', '/currency', { ...wanted, currency: 'XYZ' }],
    ['a currency in small letters', '/currency', { ...wanted, currency: 'usd' }],
    ['a blank name', '/name', { ...wanted, name: '  ' }],
    ['a name with a control character', '/name', { ...wanted, name: 'a\tb' }],
    ['a name of 101 characters', '/name', { ...wanted, name: 'x'.repeat(101) }],
    ['an unknown type', '/type', { ...wanted, type: 'loan' }],
    ['an owner of its own choice', '/owner', { ...wanted, owner: 'usr_01h455vb4pex5vsknk084sn02q' }],
    ['a goal on a checking account', '/goal', { ...wanted, goal: { amount: '1' } }],
    ['too many decimals in the goal', '/goal/amount', { ...wanted, type: 'goal', goal: { amount: '1.001' } }],
    ['a goal that is a number', '/goal/amount', { ...wanted, type: 'goal', goal: { amount: 1 } }],
    ['a past due date', '/goal/dueDate', { ...wanted, type: 'goal', goal: { amount: '1', dueDate: '2020-01-01' } }],
    [
      'no day of the calendar',
      '/goal/dueDate',
      { ...wanted, type: 'goal', goal: { amount: '1', dueDate: '2999-02-30' } },
    ],
  ])('400 validation_failed for %s', async (_case, pointer, body) => {
    const answer = await service.call(service.caller(), 'POST /v1/accounts', body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'validation_failed', errors: [expect.objectContaining({ pointer })] });
  });

  it('403 insufficient_scope without accounts:write', async () => {
    const caller = service.caller({ scopes: ['accounts:read'] });
    const answer = await service.call(caller, 'POST /v1/accounts', wanted);
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('POST /v1/accounts with Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'opening-1' };

  it('the same status and bytes again, and one account', async () => {
    const caller = service.caller();
    const first = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    // What happens to the account in between does not change what was answered.
    await service.call(caller, `PATCH /v1/accounts/${first.json<AccountView>().id}`, { name: 'Renamed' });
    const again = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
    expect(await accountsOf(caller.uuid)).toBe(1);
  });

  it('30 at once: one account and one answer', async () => {
    const caller = service.caller();
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => service.call(caller, 'POST /v1/accounts', wanted, headers)),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(await accountsOf(caller.uuid)).toBe(1);
  });

  it('422 idempotency_key_reused for another body, and nothing opened', async () => {
    const caller = service.caller();
    await service.call(caller, 'POST /v1/accounts', wanted, headers);
    const other = await service.call(caller, 'POST /v1/accounts', { ...wanted, currency: 'EUR' }, headers);
    expect([other.status, other.json()]).toMatchObject([422, { code: 'idempotency_key_reused' }]);
    expect(await accountsOf(caller.uuid)).toBe(1);
  });

  it('a key belongs to its caller', async () => {
    const [one, two] = [service.caller(), service.caller()];
    const first = await service.call(one, 'POST /v1/accounts', wanted, headers);
    const second = await service.call(two, 'POST /v1/accounts', wanted, headers);
    expect(second.status).toBe(201);
    expect(second.json<AccountView>().id).not.toBe(first.json<AccountView>().id);
  });

  it('a refused request does not burn the key', async () => {
    const caller = service.caller();
    const refused = await service.call(caller, 'POST /v1/accounts', { ...wanted, currency: 'XYZ' }, headers);
    expect(refused.status).toBe(400);
    const answer = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    expect(answer.status).toBe(201);
    expect(answer.headers).not.toHaveProperty('idempotent-replayed');
  });

  it('a retry finishes what a process that died after the commit has begun', async () => {
    const caller = service.caller();
    const first = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    const account = first.json<AccountView>();
    // As after a crash between the commit and the call to the ledger.
    service.ledger.accounts.delete(account.id);
    await service.db.updateTable('accounts').set({ status: 'pending' }).where('id', '=', uuidOf(account)).execute();
    await service.db.updateTable('account_openings').set({ answer: null }).where('owner', '=', caller.uuid).execute();
    const retry = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    expect([retry.status, retry.json()]).toEqual([201, account]);
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'active', version: 1 });
    const again = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    expect(again.text).toBe(retry.text);
    expect(await accountsOf(caller.uuid)).toBe(1);
  });
});

async function accountsOf(owner: string): Promise<number> {
  return (await service.db.selectFrom('accounts').select('id').where('owner', '=', owner).execute()).length;
}
