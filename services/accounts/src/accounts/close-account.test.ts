import { accountClosed } from '@florin/contracts';
import { eventually } from '@florin/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Caller, startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import type { AccountView } from './account-view.ts';
import { startLedgerSweep } from './ledger-sweep.ts';

let service: TestService;
let owner: Caller;
let account: AccountView;
beforeEach(async () => {
  service = await startTestService();
  owner = service.caller();
  account = await service.open(owner);
});
afterEach(() => service.close());

const close = (by = owner): Promise<Answer> => service.call(by, `POST /v1/accounts/${account.id}/close`);
const shown = async () => (await service.call(owner, `GET /v1/accounts/${account.id}`)).json<AccountView>().status;

async function row() {
  const query = service.db.selectFrom('accounts').select(['status', 'version', 'ledger_due_at']);
  return await query.where('id', '=', uuidOf(account)).executeTakeFirstOrThrow();
}

async function closedEvents() {
  const rows = await service.db.selectFrom('outbox').select('event').execute();
  const events = rows.map((candidate) => candidate.event as { type: string; data: unknown });
  return events.filter((event) => event.type === accountClosed.type).map((event) => accountClosed.parse(event.data));
}

async function sweepUntil(check: () => Promise<void>): Promise<void> {
  await service.db
    .updateTable('accounts')
    .set({ ledger_due_at: new Date() })
    .where('ledger_due_at', 'is not', null)
    .execute();
  const sweep = startLedgerSweep(service.bank, { pollMs: 20 });
  try {
    await eventually(check);
  } finally {
    await sweep.close();
  }
}

describe('POST /v1/accounts/{id}/close', () => {
  it('200 closed, in the ledger too, with one event; and 200 again', async () => {
    const first = await close();
    expect([first.status, first.json()]).toEqual([200, { ...account, status: 'closed' }]);
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'closed', version: 2 });
    const again = await close();
    expect([again.status, again.json()]).toEqual([200, first.json()]);
    expect(await closedEvents()).toMatchObject([{ account: { id: account.id, status: 'closed', version: 2 } }]);
    expect(await row()).toEqual({ status: 'closed', version: 2, ledger_due_at: null });
  });

  it('422 account_not_empty: the account stays active, under a version that a late closing cannot overtake', async () => {
    service.ledger.filled.add(account.id);
    const answer = await close();
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_not_empty' }]);
    expect(await row()).toEqual({ status: 'active', version: 3, ledger_due_at: null });
    expect(service.ledger.accounts.get(account.id)).toEqual({ status: 'active', version: 3 });
    expect(await closedEvents()).toEqual([]);
    service.ledger.filled.clear();
    expect((await close()).status).toBe(200);
  });

  it('422 account_frozen', async () => {
    const operator = service.caller({ roles: ['operator'] });
    await service.call(operator, `POST /v1/accounts/${account.id}/freeze`, { reason: 'x' });
    const answer = await close();
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_frozen' }]);
  });

  it('404 for everybody but the owner, operators included', async () => {
    const missing = 'acc_01h455vb4pex5vsknk084sn02q';
    const stranger = service.caller();
    const [theirs, none] = [await close(stranger), await service.call(stranger, `POST /v1/accounts/${missing}/close`)];
    expect([theirs.status, none.status]).toEqual([404, 404]);
    expect((await close(service.caller({ roles: ['operator'] }))).status).toBe(404);
    expect(await row()).toMatchObject({ status: 'active', version: 1 });
  });

  it('503 with Retry-After when the ledger does not answer: shown as active, closed by a repeat', async () => {
    service.ledger.behaviour = 'unavailable';
    const answer = await close();
    expect([answer.status, answer.json()]).toMatchObject([503, { code: 'upstream_unavailable' }]);
    expect(answer.headers['retry-after']).toBe('2');
    expect(await shown()).toBe('active');
    service.ledger.behaviour = 'up';
    expect((await close()).status).toBe(200);
    expect(await closedEvents()).toHaveLength(1);
  });

  it('a lost answer is found out by the sweep, once', async () => {
    service.ledger.behaviour = 'lost';
    expect((await close()).status).toBe(503);
    expect(await shown()).toBe('active');
    service.ledger.behaviour = 'up';
    await sweepUntil(async () => expect(await shown()).toBe('closed'));
    expect(await closedEvents()).toHaveLength(1);
  });

  it('a closing that turns out to be refused is taken back by the sweep', async () => {
    service.ledger.behaviour = 'unavailable';
    await close();
    service.ledger.behaviour = 'up';
    service.ledger.filled.add(account.id);
    await sweepUntil(async () => expect(await row()).toEqual({ status: 'active', version: 3, ledger_due_at: null }));
    expect(await closedEvents()).toEqual([]);
  });

  it('20 at once close it once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => close()));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    expect(await closedEvents()).toHaveLength(1);
    expect(await row()).toMatchObject({ status: 'closed', version: 2 });
  });

  it('20 at once of an account with money all fail, and it ends up open', async () => {
    service.ledger.filled.add(account.id);
    const answers = await Promise.all(Array.from({ length: 20 }, () => close()));
    for (const answer of answers) expect([422, 503]).toContain(answer.status);
    expect(await shown()).toBe('active');
    const { status, version } = await row();
    expect(status).toBe('active');
    expect(service.ledger.accounts.get(account.id)).toEqual({ status, version });
  });
});
