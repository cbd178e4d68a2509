import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Received, type Receiver, silence, startReceiver, status } from '../testing/receiver.ts';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { deliveriesOf, type MadeEndpoint, makeEndpoint, postedEvent, type ShownDelivery } from '../testing/webhooks.ts';

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

const arrived = (count: number) =>
  eventually(() => expect(receiver.received.length).toBeGreaterThanOrEqual(count), { timeoutMs: 8_000 });
const quiet = () => sleep(700);
const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id']);

describe('POST /v1/webhook-endpoints/{id}/test', () => {
  it('200 with the delivery of a signed webhook that goes to this endpoint alone', async () => {
    const ada = service.caller();
    const endpoint = await makeEndpoint(service, ada, receiver.url, ['hold.created']);
    await makeEndpoint(service, ada, `${receiver.url}/other`);
    const headers = { 'idempotency-key': randomUUID() };
    const test = () => service.call(ada, `POST /v1/webhook-endpoints/${endpoint.id}/test`, { headers });
    const first = await test();
    expect(first.status).toBe(200);
    const delivery = first.json<ShownDelivery>();
    expect(delivery).toMatchObject({ type: 'webhook.test', endpoint: endpoint.id, status: 'pending', attempts: [] });
    expect((await test()).text).toBe(first.text);
    await arrived(1);
    await quiet();
    expect(receiver.received).toHaveLength(1);
    const [received] = receiver.received;
    expect(received && new Webhook(endpoint.secret).verify(received.body, received.headers)).toEqual({
      ...{ type: 'webhook.test', timestamp: expect.stringMatching(/Z$/), data: { endpoint: endpoint.id } },
    });
    expect(await deliveriesOf(service, ada, endpoint.id)).toMatchObject([{ id: delivery.id, status: 'succeeded' }]);
  });

  it('409 while the endpoint is disabled', async () => {
    const ada = service.caller();
    const { id } = await makeEndpoint(service, ada, receiver.url);
    await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: { status: 'disabled' } });
    expect((await service.call(ada, `POST /v1/webhook-endpoints/${id}/test`)).json()).toMatchObject({
      code: 'conflict',
    });
  });
});

describe('POST /v1/webhook-endpoints/{id}/rotate-secret', () => {
  it('for a day both secrets sign; then the new one alone', async () => {
    const ada = service.caller();
    const old = await makeEndpoint(service, ada, receiver.url);
    const answer = await service.call(ada, `POST /v1/webhook-endpoints/${old.id}/rotate-secret`);
    const { secret } = answer.json<MadeEndpoint>();
    await service.receive(postedEvent(ada.id, null));
    await arrived(1);
    const [first] = receiver.received;
    if (!first) throw new Error('a webhook was expected');
    expect(first.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const known of [secret, old.secret]) new Webhook(known).verify(first.body, first.headers);
    await sql`update webhook_secrets set expires_at = now() where expires_at is not null`.execute(service.db);
    await service.receive(postedEvent(ada.id, null));
    await arrived(2);
    const later = receiver.received[1];
    if (!later) throw new Error('a second webhook was expected');
    expect(later.headers['webhook-signature']?.split(' ')).toHaveLength(1);
    new Webhook(secret).verify(later.body, later.headers);
    expect(() => new Webhook(old.secret).verify(later.body, later.headers)).toThrow();
  });
});

describe('POST /v1/webhook-endpoints/{id}/replay', () => {
  it('202: sends again what happened in the time, with its first ids and bytes, and nothing else', async () => {
    const ada = service.caller();
    const { id } = await makeEndpoint(service, ada, receiver.url, ['transaction.posted']);
    const events = [];
    for (let count = 0; count < 4; count += 1) {
      events.push(postedEvent(null, ada.id, { type: 'deposit' }));
      await sleep(3);
    }
    await service.receive(...events);
    await arrived(4);
    const first = new Map(receiver.received.map(({ headers, body }) => [headers['webhook-id'], body]));
    receiver.received.length = 0;
    const [, second, third] = events;
    const replay = async (range: object) =>
      (await service.call(ada, `POST /v1/webhook-endpoints/${id}/replay`, { body: range })).json();
    expect(await replay({ from: second?.id, to: third?.time })).toEqual({
      endpoint: id,
      events: 2,
      continueFrom: null,
    });
    await arrived(2);
    await quiet();
    expect(idsOf(receiver.received).sort()).toEqual([second?.id, third?.id].sort());
    for (const { headers, body } of receiver.received) expect(body).toBe(first.get(headers['webhook-id'] ?? ''));
    // What it subscribes to by now counts.
    await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: { events: ['deposit.settled'] } });
    expect(await replay({ from: second?.time, to: second?.time })).toMatchObject({ events: 1 });
    await arrived(3);
    expect(JSON.parse(receiver.received[2]?.body ?? '')).toMatchObject({ type: 'deposit.settled' });
    expect(await replay({ from: third?.time, to: second?.time })).toMatchObject({ events: 0 });
    // Moments that Postgres and Date each have an end of.
    for (const [from, to] of [
      ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
      ['0001-01-01T00:00:00+14:00', 'evt_7zzzzzzzzzzzzzzzzzzzzzzzzz'],
      ['evt_00000000000000000000000000', '2099-11-20T12:00:00-12:00'],
    ]) {
      expect(await replay({ from, to }), from).toMatchObject({ events: 4 });
    }
    for (const range of [
      { from: 'x', to: 'y' },
      { from: second?.id },
      { from: '2016-12-31T23:59:60Z', to: second?.time },
    ]) {
      expect(await replay(range)).toMatchObject({ status: 400, code: 'validation_failed' });
    }
  });
});

describe('POST /v1/webhook-deliveries/{id}/retry', () => {
  it('200: sends it now, whatever its pause, and what was delivered once more', async () => {
    const ada = service.caller();
    const { id } = await makeEndpoint(service, ada, receiver.url);
    receiver.answers.push(status(500));
    await service.receive(postedEvent(ada.id, null));
    await eventually(async () => expect((await deliveriesOf(service, ada, id))[0]?.attemptCount).toBe(1));
    const [delivery] = await deliveriesOf(service, ada, id);
    const retry = (caller = ada) => service.call(caller, `POST /v1/webhook-deliveries/${delivery?.id}/retry`);
    expect((await retry()).json()).toMatchObject({ id: delivery?.id, status: 'pending', attemptCount: 1 });
    await eventually(async () => expect((await deliveriesOf(service, ada, id))[0]?.status).toBe('succeeded'));
    expect((await retry()).status).toBe(200);
    await arrived(3);
    expect(new Set(idsOf(receiver.received)).size).toBe(1);
    const [theirs, nobodys] = [
      await retry(service.caller({ roles: ['admin'] })),
      await service.call(ada, 'POST /v1/webhook-deliveries/whd_01h455vb4pex5vsknk084sn02q/retry'),
    ];
    expect([theirs.status, nobodys.status]).toEqual([404, 404]);
  });
});

describe('a name that leads elsewhere by the time of its delivery', () => {
  it('is refused then, and nothing inside is connected to', async () => {
    const addresses = ['93.184.216.34'];
    const own = await startTestService({ privateTargets: 'refuse', resolve: async () => addresses });
    onTestFinished(() => own.close());
    const ada = own.caller();
    const url = `https://hooks.example:${new URL(receiver.url).port}/`;
    const { id } = await makeEndpoint(own, ada, url);
    addresses.push('127.0.0.1');
    own.deliver();
    await own.receive(postedEvent(ada.id, null));
    await eventually(async () =>
      expect(await deliveriesOf(own, ada, id)).toMatchObject([
        { status: 'pending', attempts: [{ status: null, error: 'refused', answer: null }] },
      ]),
    );
    expect(receiver.connections()).toBe(0);
  });
});

describe('several processes', () => {
  it('send each webhook once', async () => {
    const others = [service.deliver(), service.deliver()];
    const ada = service.caller();
    await makeEndpoint(service, ada, receiver.url);
    for (let batch = 0; batch < 5; batch += 1) {
      await service.receive(...Array.from({ length: 20 }, () => postedEvent(ada.id, null)));
    }
    await arrived(100);
    await quiet();
    expect(receiver.received).toHaveLength(100);
    expect(new Set(idsOf(receiver.received)).size).toBe(100);
    await Promise.all(others.map((loop) => loop.close()));
  });

  it('one that is told to end finishes what it can within a second, and leaves the rest to others at once', async () => {
    const own = await startTestService();
    onTestFinished(() => own.close());
    const ada = own.caller();
    const { id } = await makeEndpoint(own, ada, receiver.url);
    receiver.answers.push(silence, (response) => void setTimeout(() => response.end('in time'), 400));
    const loop = own.deliver({ deadlineMs: 10_000 });
    await own.receive(postedEvent(ada.id, null), postedEvent(ada.id, null));
    await arrived(2);
    const started = performance.now();
    await loop.close();
    expect(performance.now() - started).toBeLessThan(5_000);
    const statuses = (await deliveriesOf(own, ada, id)).map((delivery) => [delivery.status, delivery.attemptCount]);
    expect(statuses.sort()).toEqual([
      ['pending', 0],
      ['succeeded', 1],
    ]);
    own.deliver();
    await arrived(3);
    expect(new Set(idsOf(receiver.received)).size).toBe(2);
  });

  it('what a killed one had sent and not recorded is sent again by the next, once its lease is over', async () => {
    const own = await startTestService();
    onTestFinished(() => own.close());
    const ada = own.caller();
    const endpoint = await makeEndpoint(own, ada, receiver.url);
    receiver.answers.push(silence);
    const process = startDelivering(own.database.url);
    await own.receive(postedEvent(ada.id, null));
    await arrived(1);
    process.kill('SIGKILL');
    await once(process, 'exit');
    expect(await deliveriesOf(own, ada, endpoint.id)).toMatchObject([{ status: 'pending', attemptCount: 0 }]);
    own.deliver();
    await quiet();
    expect(receiver.received).toHaveLength(1);
    await sql`update webhook_endpoints set leased_until = now()`.execute(own.db);
    await arrived(2);
    const [first, second] = receiver.received;
    expect([second?.headers['webhook-id'], second?.body]).toEqual([first?.headers['webhook-id'], first?.body]);
    await eventually(async () =>
      expect(await deliveriesOf(own, ada, endpoint.id)).toMatchObject([{ status: 'succeeded', attemptCount: 1 }]),
    );
  });
});

/** A process of its own that delivers, with the keys that the test service has. */
function startDelivering(databaseUrl: string): ChildProcess {
  const main = new URL('../testing/deliver-main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, databaseUrl], { stdio: ['ignore', 'inherit', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
