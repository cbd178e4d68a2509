import { userErased } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { columnsWith, eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccountView } from '../accounts/account-view.ts';
import { startLedgerSweep } from '../accounts/ledger-sweep.ts';
import { onUserErased } from '../subscriptions/user-erased.ts';
import { type Caller, startTestService, type TestService, uuidOf } from '../testing/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function closure(owner: Caller, attempt: number, token = service.issuer.serviceToken('identity', 'accounts')) {
  const { statusCode, body } = await service.app.inject({
    method: 'PUT',
    url: `/internal/owners/${owner.id}/closure`,
    headers: { authorization: `Bearer ${token}` },
    payload: { attempt },
  });
  return { status: statusCode, code: statusCode === 204 ? undefined : JSON.parse(body).code };
}

const wish = { name: 'Daily', type: 'checking', currency: 'USD' };
const open = (owner: Caller, key?: string) =>
  service.call(owner, 'POST /v1/accounts', wish, key === undefined ? {} : { 'idempotency-key': key });
const close = (owner: Caller, account: AccountView) => service.call(owner, `POST /v1/accounts/${account.id}/close`);

describe('PUT /internal/owners/{id}/closure', () => {
  it('204 for somebody without accounts, again too; an opening is 409 conflict from then on, its key left unused', async () => {
    const owner = service.caller();
    expect(await closure(owner, 1)).toMatchObject({ status: 204 });
    expect(await closure(owner, 1)).toMatchObject({ status: 204 });
    expect(await closure(owner, 2)).toMatchObject({ status: 204 });
    const refused = await open(owner, 'one');
    expect([refused.status, refused.json().code]).toEqual([409, 'conflict']);
    expect(
      await service.db.selectFrom('account_openings').selectAll().where('owner', '=', owner.uuid).execute(),
    ).toEqual([]);
  });

  it('409 conflict while an account is pending, active or frozen, and 204 for the next attempt once all are closed', async () => {
    const owner = service.caller();
    const [first, second] = [await service.open(owner), await service.open(owner)];
    await close(owner, first);
    const setStatus = (status: 'pending' | 'frozen' | 'active') =>
      service.db.updateTable('accounts').set({ status }).where('id', '=', uuidOf(second)).execute();
    for (const [attempt, status] of (['pending', 'frozen', 'active'] as const).entries()) {
      await setStatus(status);
      expect(await closure(owner, attempt + 1), status).toEqual({ status: 409, code: 'conflict' });
    }
    expect((await open(owner)).status).toBe(201);
    for (const { id } of (await service.call(owner, 'GET /v1/accounts')).json<{ data: AccountView[] }>().data) {
      await service.call(owner, `POST /v1/accounts/${id}/close`);
    }
    expect(await closure(owner, 4)).toMatchObject({ status: 204 });
  });

  it('a refused attempt, or an older one, that comes again too late closes nobody', async () => {
    const owner = service.caller();
    const account = await service.open(owner);
    expect((await closure(owner, 2)).status).toBe(409);
    await close(owner, account);
    expect((await closure(owner, 2)).status).toBe(409);
    expect((await closure(owner, 1)).status).toBe(409);
    expect((await open(owner)).status).toBe(201);
  });

  it('of a closing and openings at the same moment only one side wins', async () => {
    for (let round = 0; round < 12; round += 1) {
      const owner = service.caller();
      const openings = () => Promise.all([open(owner), open(owner)]);
      const closing = () => closure(owner, 1);
      const [first, second] = round % 2 === 0 ? [openings, closing] : [closing, openings];
      const answers = (await Promise.all([first(), second()])).flat().map(({ status }) => status);
      const opened = answers.filter((status) => status === 201).length;
      expect(opened > 0, String(answers)).toBe(!answers.includes(204));
    }
  });

  it('403 for users and for every service but identity', async () => {
    const owner = service.caller();
    for (const name of ['gateway', 'transactions', 'notification']) {
      expect((await closure(owner, 1, service.issuer.serviceToken(name, 'accounts'))).status).toBe(403);
    }
    expect((await closure(owner, 1, owner.token)).status).toBe(403);
    expect((await closure(owner, 1, service.caller({ roles: ['admin'] }).token)).status).toBe(403);
  });
});

describe('identity.user.erased', () => {
  const erase = (owner: Caller) => {
    const data = { user: owner.id, erasedAt: new Date().toISOString() };
    const event = newEvent(userErased, { source: 'florin/identity', subject: owner.id, data });
    return inTransaction(service.db, (tx) => onUserErased.handle(tx, [onUserErased.parse(event)]));
  };

  it('names of accounts, goals, payees and kept answers are in no column of any table afterwards, however often it comes', async () => {
    const owner = service.caller({ claims: { auth_time: Math.floor(Date.now() / 1000) } });
    const canary = 'C4nary für Ada';
    const goal = { amount: '1234567.89', dueDate: '2088-08-08' };
    const body = { name: canary, type: 'goal', currency: 'USD', goal };
    const opened = await service.call(owner, 'POST /v1/accounts', body, { 'idempotency-key': 'k' });
    const account = opened.json<AccountView>();
    await service.call(owner, `POST /v1/accounts/${account.id}/close`);
    const payee = { name: canary, accountNumber: 'MT84MALT011000012345MTLCAST001S' };
    await service.call(owner, 'POST /v1/payees', payee, { 'idempotency-key': 'k' });
    const canaries = [canary, '2088-08-08', '123456789', 'MTLCAST001S'];
    const traces = () => columnsWith(service.database.ownerUrl, 'accounts', canaries);
    expect(await traces()).toEqual([
      'account_openings.answer',
      'accounts.goal_amount',
      'accounts.goal_due_date',
      'accounts.name',
      'idempotency_keys.body',
      'outbox.event',
      'payees.account_number',
      'payees.name',
    ]);
    // As the relay does once an event is published.
    await service.db.deleteFrom('outbox').execute();
    await erase(owner);
    expect(await traces()).toEqual([]);
    await erase(owner);
    expect(await traces()).toEqual([]);
    const staff = service.caller({ roles: ['operator'] });
    const kept = await service.call(staff, `GET /v1/accounts/${account.id}`);
    expect(kept.json()).toMatchObject({ id: account.id, owner: owner.id, name: 'Closed account', status: 'closed' });
    expect(await service.db.selectFrom('outbox').selectAll().execute()).toEqual([]);
  });

  it('of an erasure and payees added at the same moment no payee is left, and none is added later', async () => {
    const wish = (accountNumber: string) => ({ name: 'Grace', accountNumber });
    for (let round = 0; round < 8; round += 1) {
      const owner = service.caller({ claims: { auth_time: Math.floor(Date.now() / 1000) } });
      const add = (number: string, key: string) =>
        service.call(owner, 'POST /v1/payees', wish(number), { 'idempotency-key': key });
      const adding = () => Promise.all([add('DE89370400440532013000', 'a'), add('NL91ABNA0417164300', 'b')]);
      const [answers] = await Promise.all([adding(), erase(owner)]);
      for (const { status } of answers) expect([201, 409]).toContain(status);
      expect((await service.call(owner, 'GET /v1/payees')).json()).toMatchObject({ data: [] });
      expect((await add('BE68539007547034', 'c')).status).toBe(409);
      const keys = service.db.selectFrom('idempotency_keys').select('key').where('caller', '=', owner.id);
      expect(await keys.execute()).toEqual([]);
    }
  });

  it('an account that should not be open is frozen, and the ledger told; nobody opens another', async () => {
    const owner = service.caller();
    const account = await service.open(owner);
    await erase(owner);
    await erase(owner);
    const staff = service.caller({ roles: ['operator'] });
    const shown = (await service.call(staff, `GET /v1/accounts/${account.id}`)).json();
    expect(shown).toMatchObject({ status: 'frozen', name: 'Closed account' });
    expect((await open(owner)).status).toBe(409);
    await sql`update accounts set ledger_due_at = now() where ledger_due_at is not null`.execute(service.db);
    const sweep = startLedgerSweep(service.bank, { pollMs: 50 });
    try {
      await eventually(() => expect(service.ledger.accounts.get(account.id)).toMatchObject({ status: 'frozen' }));
    } finally {
      await sweep.close();
    }
    const events = await service.db.selectFrom('outbox').select('event').execute();
    const told = events.map(({ event }) => JSON.stringify(event)).filter((text) => text.includes(account.id));
    expect(told.filter((text) => text.includes('accounts.account.frozen.v1'))).toHaveLength(1);
  });
});

it('every table that names an owner is known to the erasure', async () => {
  const { rows } = await sql<{ table: string }>`
    select table_name as table from information_schema.columns
    where table_schema = 'accounts' and column_name in ('owner', 'owner_id', 'user_id', 'caller') order by 1`.execute(
    service.db,
  );
  expect(rows.map(({ table }) => table)).toEqual([
    'account_openings',
    'accounts',
    'idempotency_keys',
    'owners',
    'payees',
  ]);
});
