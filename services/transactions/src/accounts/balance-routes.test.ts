import { setTimeout as sleep } from 'node:timers/promises';
import { newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';

let service: TestService;
let alice: Caller;
let account: Opened;
beforeAll(async () => {
  service = await startTestService();
  alice = service.caller();
  account = await service.open(alice);
});
afterAll(() => service.close());

describe('GET /v1/accounts/{id}/balance', () => {
  test('› at any instant what was posted then', async () => {
    const source = await service.open(alice, 1_000_000n);
    const instants = [new Date()];
    for (let index = 0; index < 9; index++) {
      await sleep(3);
      const body = { from: source.id, to: account.id, amount: '1.00', currency: 'USD' };
      const answer = await service.call(alice, 'POST /v1/transfers', body, { 'idempotency-key': newUuid() });
      instants.push(new Date(String(answer.json().postedAt)));
    }
    for (const [index, at] of instants.entries()) {
      const answer = await service.call(alice, `GET /v1/accounts/${account.id}/balance?at=${at.toISOString()}`);
      expect(answer.json()).toEqual({
        account: account.id,
        currency: 'USD',
        posted: `${index}.00`,
        held: '0.00',
        available: `${index}.00`,
        asOf: at.toISOString(),
      });
    }
    const now = await service.call(alice, `GET /v1/accounts/${account.id}/balance`);
    expect(now.json()).toMatchObject({ posted: '9.00', available: '9.00' });
    const future = await service.call(alice, `GET /v1/accounts/${account.id}/balance?at=2199-01-01`);
    expect(future.json()).toMatchObject({ posted: '9.00' });
  });

  test('› 404 for others, 200 for an operator, 403 without the scope', async () => {
    const path = `GET /v1/accounts/${account.id}/balance`;
    expect((await service.call(service.caller(), path)).status).toBe(404);
    expect((await service.call(service.caller({ roles: ['operator'] }), path)).status).toBe(200);
    expect((await service.call(service.caller({ scopes: ['transactions:read'] }), path)).status).toBe(403);
  });
});
