import { formatId, newUuid } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDeliveryClient, type DeliveryClient } from '../deliveries/delivery-client.ts';
import { delivery, startTestNotification, type TestNotification } from '../deliveries/testing/test-notification.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';

let notification: TestNotification;
let client: DeliveryClient;
let service: TestService;
let alice: Caller;
let id: string;
beforeAll(async () => {
  notification = await startTestNotification();
  client = createDeliveryClient({
    url: notification.url,
    logger: createLogger({ service: 'transactions', level: 'silent' }),
  });
  service = await startTestService(undefined, client);
  alice = service.caller();
  const [from, to] = [await service.open(alice, 100_00n), await service.open(service.caller())];
  const body = { from: from.id, to: to.id, amount: '12.50', currency: 'USD' };
  const posted = await service.call(alice, 'POST /v1/transfers', body, { 'idempotency-key': newUuid() });
  id = String(posted.json().id);
});
beforeEach(() => {
  notification.received.length = 0;
});
afterAll(async () => {
  client.close();
  await service.close();
  await notification.kill();
});

const explain = (by: Caller) => service.call(by, `GET /v1/transactions/${id}/explain`);

describe('GET /v1/transactions/{id}/explain › deliveries', () => {
  test('› as notification shows them to the caller, whose own token it is asked with; an API key’s too', async () => {
    const pending = delivery({ status: 'pending', attempts: 0, lastStatus: null, lastAttemptAt: null });
    await notification.answers({ body: JSON.stringify({ data: [delivery({ secret: 'x' }), pending] }) });
    const program = service.caller({
      userId: alice.uuid,
      scopes: ['transactions:read'],
      claims: { sid: formatId('key', newUuid()) },
    });
    for (const by of [alice, program, service.caller({ roles: ['operator'] })]) {
      notification.received.length = 0;
      const told = await explain(by);
      expect([told.status, told.json().deliveries]).toEqual([200, [delivery(), pending]]);
      const request = { url: `/internal/webhook-deliveries?transaction=${id}`, authorization: `Bearer ${by.token}` };
      await eventually(() => expect(notification.received).toEqual([request]));
    }
  });

  test('› null, and everything else as ever, while notification is older, slow or dead', async () => {
    await notification.answers({});
    const { deliveries, ...whole } = (await explain(alice)).json();
    expect(deliveries).toEqual([]);
    await notification.answers({ status: 404 });
    expect((await explain(alice)).json()).toEqual({ ...whole, deliveries: null });
    await notification.answers({ delayMs: 5_000 });
    expect((await explain(alice)).json()).toEqual({ ...whole, deliveries: null });
    await notification.kill();
    const told = await explain(alice);
    expect([told.status, told.json()]).toEqual([200, { ...whole, deliveries: null }]);
    await notification.start();
    await eventually(async () => expect((await explain(alice)).json()).toEqual({ ...whole, deliveries: [] }));
  });

  test('› notification is not asked for whoever may not read the transaction', async () => {
    await notification.answers({});
    expect((await explain(service.caller())).status).toBe(404);
    expect((await explain(service.caller({ userId: alice.uuid, scopes: ['accounts:read'] }))).status).toBe(403);
    expect((await explain(alice)).status).toBe(200);
    await eventually(() => expect(notification.received).toHaveLength(1));
  });
});
