import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

describe('PATCH /v1/accounts/{id}', () => {
  it('200 changes the name alone, the goal alone, or nothing', async () => {
    const caller = service.caller();
    const account = await service.open(caller, { type: 'goal', goal: { amount: '5', dueDate: '2999-01-01' } });
    const patch = (body: object) => service.call(caller, `PATCH /v1/accounts/${account.id}`, body);
    expect((await patch({ name: 'Boat' })).json()).toEqual({ ...account, name: 'Boat' });
    expect((await patch({ goal: { amount: '9' } })).json()).toEqual({
      ...account,
      name: 'Boat',
      goal: { amount: '9.00' },
    });
    const unchanged = await patch({});
    expect([unchanged.status, unchanged.json()]).toMatchObject([200, { name: 'Boat', goal: { amount: '9.00' } }]);
  });

  it('400 for a goal on a savings account, an empty name, or what cannot be changed', async () => {
    const caller = service.caller();
    const account = await service.open(caller, { type: 'savings' });
    for (const [body, pointer] of [
      [{ goal: { amount: '1' } }, '/goal'],
      [{ name: '' }, '/name'],
      [{ status: 'closed' }, '/status'],
      [{ currency: 'EUR' }, '/currency'],
    ] as const) {
      const answer = await service.call(caller, `PATCH /v1/accounts/${account.id}`, body);
      expect([answer.status, answer.json()]).toMatchObject([400, { errors: [{ pointer }] }]);
    }
    expect((await service.call(caller, `GET /v1/accounts/${account.id}`)).json()).toEqual(account);
  });

  it('422 account_closed', async () => {
    const caller = service.caller();
    const account = await service.open(caller);
    await service.call(caller, `POST /v1/accounts/${account.id}/close`);
    const answer = await service.call(caller, `PATCH /v1/accounts/${account.id}`, { name: 'Boat' });
    expect([answer.status, answer.json()]).toMatchObject([422, { code: 'account_closed' }]);
  });

  it("404 for another's account, for operators too, and nothing changed", async () => {
    const caller = service.caller();
    const account = await service.open(caller);
    for (const other of [service.caller(), service.caller({ roles: ['operator'] })]) {
      expect((await service.call(other, `PATCH /v1/accounts/${account.id}`, { name: 'Mine' })).status).toBe(404);
    }
    expect((await service.call(caller, `GET /v1/accounts/${account.id}`)).json()).toEqual(account);
  });
});
