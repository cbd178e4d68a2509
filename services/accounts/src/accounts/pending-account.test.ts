import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestService, type TestService, uuidOf } from '../testing/test-service.ts';
import type { AccountView } from './account-view.ts';
import { startLedgerSweep } from './ledger-sweep.ts';

let service: TestService;
beforeEach(async () => {
  service = await startTestService();
});
afterEach(() => service.close());

const wanted = { name: 'Daily', type: 'checking', currency: 'USD' };

describe('POST /v1/accounts while the ledger', () => {
  it.each(['unavailable', 'lost'] as const)('is %s: 201 pending', async (behaviour) => {
    service.ledger.behaviour = behaviour;
    expect(await service.open(service.caller())).toMatchObject({ status: 'pending' });
  });

  it('is slow: 201 pending within its deadline', async () => {
    service.ledger.delayMs = 1_500;
    const started = performance.now();
    expect(await service.open(service.caller())).toMatchObject({ status: 'pending' });
    expect(performance.now() - started).toBeLessThan(1_400);
  });

  it('is away for long: the breaker answers for it at once, and lets calls through when it is back', async () => {
    const caller = service.caller();
    service.ledger.behaviour = 'unavailable';
    for (let count = 0; count < 8; count++) await service.open(caller);
    const callsBefore = service.ledger.calls.length;
    await service.open(caller);
    expect(service.ledger.calls).toHaveLength(callsBefore);
    service.ledger.behaviour = 'up';
    await sleep(1_100);
    expect(await service.open(caller)).toMatchObject({ status: 'active' });
  });

  it('is unavailable: the answer kept for the key stays pending, the account does not', async () => {
    const caller = service.caller();
    const headers = { 'idempotency-key': 'k' };
    service.ledger.behaviour = 'unavailable';
    const first = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    service.ledger.behaviour = 'up';
    await service.db.updateTable('accounts').set({ ledger_due_at: new Date() }).execute();
    await sweepUntil(async () => {
      const read = await service.call(caller, `GET /v1/accounts/${first.json<AccountView>().id}`);
      expect(read.json()).toMatchObject({ status: 'active' });
    });
    const again = await service.call(caller, 'POST /v1/accounts', wanted, headers);
    expect([again.status, again.text]).toEqual([201, first.text]);
  });
});

describe('a pending account', () => {
  it.each(['freeze', 'unfreeze'])('422 account_not_active at %s', async (action) => {
    service.ledger.behaviour = 'unavailable';
    const account = await service.open(service.caller());
    const operator = service.caller({ roles: ['operator'] });
    const answer = await service.call(operator, `POST /v1/accounts/${account.id}/${action}`, { reason: 'x' });
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_not_active' }]);
  });

  it('422 account_not_active at close', async () => {
    service.ledger.behaviour = 'unavailable';
    const caller = service.caller();
    const account = await service.open(caller);
    const answer = await service.call(caller, `POST /v1/accounts/${account.id}/close`);
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_not_active' }]);
  });
});

describe('the ledger sweep', () => {
  it('leaves alone what has been confirmed, and what a request may still be telling', async () => {
    const caller = service.caller();
    await service.open(caller);
    service.ledger.behaviour = 'unavailable';
    const pending = await service.open(caller);
    const callsBefore = service.ledger.calls.length;
    const sweep = startLedgerSweep(service.bank, { pollMs: 10 });
    await sleep(200);
    await sweep.close();
    expect(service.ledger.calls).toHaveLength(callsBefore);
    expect(await dueAt(pending)).not.toBeNull();
  });

  it('two at once tell the ledger once, however long it takes', async () => {
    service.ledger.behaviour = 'unavailable';
    const account = await service.open(service.caller());
    service.ledger.behaviour = 'up';
    service.ledger.delayMs = 300;
    service.ledger.calls.length = 0;
    await service.db.updateTable('accounts').set({ ledger_due_at: new Date() }).execute();
    await sweepUntil(async () => expect(await dueAt(account)).toBeNull());
    expect(service.ledger.calls).toEqual([`${account.id} active 1`]);
  });
});

async function dueAt(account: AccountView): Promise<Date | null> {
  const row = service.db.selectFrom('accounts').select('ledger_due_at').where('id', '=', uuidOf(account));
  return (await row.executeTakeFirstOrThrow()).ledger_due_at;
}

/** Runs two sweeps, as two replicas would, until the check passes. */
async function sweepUntil(check: () => Promise<void>): Promise<void> {
  const sweeps = [1, 2].map(() => startLedgerSweep(service.bank, { pollMs: 20 }));
  try {
    await eventually(check);
  } finally {
    await Promise.all(sweeps.map((sweep) => sweep.close()));
  }
}
