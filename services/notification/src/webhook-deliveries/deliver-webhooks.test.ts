import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Received, type Receiver, silence, startReceiver, status } from '../testing/receiver.ts';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { deliveriesOf, type MadeEndpoint, makeEndpoint, postedEvent } from '../testing/webhooks.ts';

let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
  service.deliver();
});
afterAll(() => service.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const arrived = (count: number, at = receiver) =>
  eventually(() => expect(at.received.length).toBeGreaterThanOrEqual(count), { timeoutMs: 8_000 });
const quiet = () => sleep(700);
const verified = ({ secret }: MadeEndpoint, { body, headers }: Received) => new Webhook(secret).verify(body, headers);

describe('a transfer', () => {
  it('arrives at both sides within a second, signed, under one id, with what each may see', async () => {
    const [ada, grace] = [service.caller(), service.caller()];
    const adas = await makeEndpoint(service, ada, `${receiver.url}?of=ada`);
    const graces = await makeEndpoint(service, grace, `${receiver.url}?of=grace`, ['transaction.posted']);
    const event = postedEvent(ada.id, grace.id);
    const started = performance.now();
    await service.receive(event);
    await arrived(2);
    expect(performance.now() - started).toBeLessThan(1_500);
    const [toAda, toGrace] = ['ada', 'grace'].map((name) => receiver.received.find(({ path }) => path.endsWith(name)));
    if (!toAda || !toGrace) throw new Error('one to each was expected');
    expect([toAda, toGrace].map(({ headers }) => headers['webhook-id'])).toEqual([event.id, event.id]);
    expect(verified(adas, toAda)).toMatchObject({
      ...{ type: 'transaction.posted', timestamp: event.time },
      data: {
        status: 'posted',
        entries: [{ amount: '-12.50', balanceAfter: '100.00', version: 1 }, { amount: '12.50' }],
      },
    });
    expect(verified(graces, toGrace)).toMatchObject({ data: { entries: [{}, { balanceAfter: '100.00' }] } });
    expect(toGrace.headers).not.toHaveProperty('traceparent');
    // Control: neither the other's secret nor another byte will do.
    expect(() => verified(graces, toAda)).toThrow(WebhookVerificationError);
    expect(() => verified(adas, { ...toAda, body: `${toAda.body} ` })).toThrow(WebhookVerificationError);
    await quiet();
    expect(receiver.received).toHaveLength(2);
    const [delivery] = await deliveriesOf(service, ada, adas.id);
    expect(delivery).toMatchObject({
      ...{ id: expect.stringMatching(/^whd_/), endpoint: adas.id, event: event.id, type: 'transaction.posted' },
      ...{ status: 'succeeded', attemptCount: 1, nextAttemptAt: null },
      attempts: [{ number: 1, status: 200, error: null, answer: 'ok', latencyMs: expect.any(Number) }],
    });
  });

  it('that comes again and again is sent once', async () => {
    const ada = service.caller();
    await makeEndpoint(service, ada, receiver.url);
    const event = postedEvent(ada.id, null);
    await Promise.all([service.receive(event), service.receive(event)]);
    await service.receive(event);
    await arrived(1);
    await quiet();
    expect(receiver.received).toHaveLength(1);
  });

  it('is sent to each endpoint that subscribes, and to no other', async () => {
    const ada = service.caller();
    for (const [name, events] of [
      ['all', ['*']],
      ['posted', ['hold.created', 'transaction.posted']],
      ['holds', ['hold.created']],
      ['disabled', ['*']],
    ] as const) {
      const { id } = await makeEndpoint(service, ada, `${receiver.url}?${name}`, [...events]);
      if (name !== 'disabled') continue;
      await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: { status: 'disabled' } });
    }
    await service.receive(postedEvent(ada.id, null));
    await arrived(2);
    await quiet();
    expect(receiver.received.map(({ path }) => path).sort()).toEqual(['/hook?all', '/hook?posted']);
  });

  it('a deposit gives two webhooks with an id each, the same when it comes again', async () => {
    const ada = service.caller();
    await makeEndpoint(service, ada, receiver.url);
    const event = postedEvent(null, ada.id, { type: 'deposit' });
    await service.receive(event);
    await service.receive(event);
    await arrived(2);
    await quiet();
    const types = receiver.received.map(({ headers, body }) => [JSON.parse(body).type, headers['webhook-id']]);
    expect(types.sort()).toEqual([
      ['deposit.settled', expect.stringMatching(/^evt_/)],
      ['transaction.posted', event.id],
    ]);
    expect(new Set(types.map(([, id]) => id)).size).toBe(2);
  });
});

/** Makes everything that waits for this endpoint due now, as if the time had passed. */
async function skipPauses(id: string): Promise<void> {
  await sql`update webhook_deliveries set next_attempt_at = now() where status = 'pending'`.execute(service.db);
  await sql`update webhook_endpoints set resting_until = null, due_at = now() where leased_until is null`.execute(
    service.db,
  );
  expect(id).toMatch(/^whe_/);
  service.webhooks.wake();
}

describe('a webhook that is not taken', () => {
  it('comes again with the same id and bytes until it is; each attempt is shown', async () => {
    const ada = service.caller();
    const endpoint = await makeEndpoint(service, ada, receiver.url);
    receiver.answers.push(status(500, 'later'), status(302, '', { location: 'http://127.0.0.1:1/' }), silence);
    await service.receive(postedEvent(ada.id, null, { description: 'Zoë 💶' }));
    for (let count = 1; count <= 4; count += 1) {
      await arrived(count);
      await eventually(async () =>
        expect((await deliveriesOf(service, ada, endpoint.id))[0]?.attemptCount).toBe(count),
      );
      const [delivery] = await deliveriesOf(service, ada, endpoint.id);
      if (count === 1) {
        const pauseMs = Date.parse(delivery?.nextAttemptAt ?? '') - Date.now();
        expect(pauseMs).toBeGreaterThan(2_500);
        expect(pauseMs).toBeLessThan(5_001);
      }
      if (count < 4) await skipPauses(endpoint.id);
    }
    const sent = receiver.received.map(({ headers, body }) => `${headers['webhook-id']} ${body}`);
    expect(new Set(sent).size).toBe(1);
    for (const received of receiver.received) verified(endpoint, received);
    expect(await deliveriesOf(service, ada, endpoint.id)).toMatchObject([
      {
        status: 'succeeded',
        attempts: [
          { number: 1, status: 500, answer: 'later', error: null },
          { number: 2, status: 302, answer: '' },
          { number: 3, status: null, error: 'timeout', answer: null },
          { number: 4, status: 200, answer: 'ok' },
        ],
      },
    ]);
    const shown = await service.call(ada, `GET /v1/webhook-endpoints/${endpoint.id}`);
    expect(shown.json()).toMatchObject({ status: 'enabled', failingSince: null });
  });

  it('for 72 hours: the endpoint is disabled, its owner told, and what waits given up', async () => {
    const ada = service.caller();
    const endpoint = await makeEndpoint(service, ada, receiver.url);
    receiver.answers.push(...Array.from({ length: 10 }, () => status(503)));
    await service.receive(postedEvent(ada.id, null));
    await arrived(1);
    await eventually(async () => {
      const shown = await service.call(ada, `GET /v1/webhook-endpoints/${endpoint.id}`);
      expect(shown.json()).toMatchObject({ failingSince: expect.any(String), status: 'enabled' });
    });
    // Three days later, with something new that waits too.
    await sql`update webhook_deliveries set first_failed_at = first_failed_at - interval '72 hours'`.execute(
      service.db,
    );
    await sql`update webhook_endpoints set failing_since = failing_since - interval '72 hours'`.execute(service.db);
    await service.receive(postedEvent(ada.id, null));
    await skipPauses(endpoint.id);
    await eventually(async () => {
      const shown = await service.call(ada, `GET /v1/webhook-endpoints/${endpoint.id}`);
      expect(shown.json()).toMatchObject({ status: 'disabled', disabledFor: 'failing' });
      const statuses = (await deliveriesOf(service, ada, endpoint.id)).map((delivery) => delivery.status);
      expect(statuses).toEqual(['failed', 'failed']);
    });
    const notices = await service.call(ada, 'GET /v1/notifications');
    expect(notices.json<{ data: { topic: string }[] }>().data).toContainEqual(
      expect.objectContaining({
        ...{ topic: 'webhook_endpoint.disabled', data: { endpoint: endpoint.id } },
        body: expect.stringContaining('127.0.0.1'),
      }),
    );
    const before = receiver.received.length;
    await service.receive(postedEvent(ada.id, null));
    await quiet();
    expect(receiver.received).toHaveLength(before);
  });

  it('410: the endpoint is disabled at once; enabled again, it gets what it missed by a replay', async () => {
    const ada = service.caller();
    const endpoint = await makeEndpoint(service, ada, receiver.url);
    receiver.answers.push(status(410));
    const event = postedEvent(ada.id, null);
    await service.receive(event);
    const shown = async () => (await service.call(ada, `GET /v1/webhook-endpoints/${endpoint.id}`)).json();
    await eventually(async () => expect(await shown()).toMatchObject({ status: 'disabled', disabledFor: 'gone' }));
    const missed = postedEvent(ada.id, null);
    await service.receive(missed);
    const replay = () =>
      service.call(ada, `POST /v1/webhook-endpoints/${endpoint.id}/replay`, {
        body: { from: event.id, to: missed.id },
      });
    expect((await replay()).json()).toMatchObject({ status: 409, code: 'conflict' });
    await service.call(ada, `PATCH /v1/webhook-endpoints/${endpoint.id}`, { body: { status: 'enabled' } });
    expect(await shown()).toMatchObject({ status: 'enabled', disabledFor: null, failingSince: null });
    expect((await replay()).json()).toEqual({ endpoint: endpoint.id, events: 2, continueFrom: null });
    await arrived(3);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids.slice(1).sort()).toEqual([event.id, missed.id].sort());
  });
});

describe('endpoints that don’t answer', () => {
  it('hold up nobody: others get theirs at once, and each has eight requests under way at most', async () => {
    const own = await startTestService();
    const slow = await startReceiver();
    slow.answers.push(...Array.from({ length: 100 }, () => silence));
    own.deliver({ deadlineMs: 10_000 });
    const [ada, grace] = [own.caller(), own.caller()];
    await makeEndpoint(own, ada, slow.url);
    await makeEndpoint(own, grace, receiver.url);
    await own.receive(...Array.from({ length: 60 }, () => postedEvent(ada.id, null)));
    await arrived(8, slow);
    const started = performance.now();
    await own.receive(...Array.from({ length: 20 }, () => postedEvent(grace.id, null)));
    await arrived(20);
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(slow.received).toHaveLength(8);
    await own.close();
    await slow.close();
  });
});
