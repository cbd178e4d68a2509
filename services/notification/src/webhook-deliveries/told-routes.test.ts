import { randomBytes } from 'node:crypto';
import { eventually } from '@florin/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Receiver, startReceiver, status } from '../testing/receiver.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { makeEndpoint, postedEvent } from '../testing/webhooks.ts';
import { deriveWebhookKeys } from '../webhook-endpoints/endpoint-secrets.ts';

let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

interface Told {
  data: { type: string; event: string; endpoint: string }[];
}
const told = async (caller: Caller, transaction: string) =>
  (await service.call(caller, `GET /internal/webhook-deliveries?transaction=${transaction}`)).json<Told>();

it('GET /internal/webhook-deliveries › what was told of a transaction: to oneself, to all for staff, to nobody for others', async () => {
  const [ada, grace] = [service.caller(), service.caller()];
  const endpoint = await makeEndpoint(service, ada, receiver.url);
  await makeEndpoint(service, grace, receiver.url);
  const event = postedEvent(ada.id, grace.id);
  await service.receive(event, postedEvent(ada.id, grace.id));
  expect(await told(ada, event.subject)).toMatchObject({
    data: [{ status: 'pending', attempts: 0, lastStatus: null, lastAttemptAt: null }],
  });
  receiver.answers.push(status(500), status(500), status(500), status(500));
  const loop = service.deliver();
  await eventually(async () =>
    expect(await told(ada, event.subject)).toEqual({
      data: [
        {
          ...{ id: expect.stringMatching(/^whd_/), endpoint: endpoint.id, event: event.id, type: 'transaction.posted' },
          ...{ status: 'pending', attempts: 1, lastStatus: 500 },
          ...{ createdAt: expect.stringMatching(/Z$/), lastAttemptAt: expect.stringMatching(/Z$/) },
        },
      ],
    }),
  );
  await loop.close();
  for (const role of ['operator', 'auditor', 'admin'] as const) {
    expect((await told(service.caller({ roles: [role] }), event.subject)).data, role).toHaveLength(2);
  }
  expect(await told(service.caller(), event.subject)).toEqual({ data: [] });
  expect(await told(ada, 'txn_01h455vb4pex5vsknk084sn02q')).toEqual({ data: [] });
  const unfit = await service.call(ada, 'GET /internal/webhook-deliveries?transaction=x');
  expect([unfit.status, unfit.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  const unscoped = service.caller({ scopes: ['webhooks:manage'] });
  expect(await told(unscoped, event.subject)).toMatchObject({ code: 'insufficient_scope' });
});

it('a reversal is told of with the original', async () => {
  const ada = service.caller();
  await makeEndpoint(service, ada, receiver.url);
  const original = postedEvent(ada.id, null);
  const reversal = postedEvent(null, ada.id, { type: 'reversal', reversalOf: original.subject });
  await service.receive(original, reversal);
  const types = async (id: string) => (await told(ada, id)).data.map(({ type }) => type);
  expect(await types(original.subject)).toEqual(['transaction.posted', 'transaction.reversed']);
  expect(await types(reversal.subject)).toEqual(['transaction.posted']);
});

it('GET /internal/own-webhook-deliveries › all of the caller’s endpoints, page by page, newest first', async () => {
  const ada = service.caller();
  for (const _ of [1, 2]) await makeEndpoint(service, ada, receiver.url);
  await service.receive(...Array.from({ length: 3 }, () => postedEvent(ada.id, null)));
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const url = `GET /internal/own-webhook-deliveries?limit=4${cursor && `&cursor=${cursor}`}`;
    const page: { data: { id: string }[]; nextCursor: string | null } = (await service.call(ada, url)).json();
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  expect(ids).toHaveLength(6);
  expect(ids).toEqual(ids.toSorted().toReversed());
  const others = await service.call(service.caller(), 'GET /internal/own-webhook-deliveries');
  expect(others.json()).toEqual({ data: [], nextCursor: null });
});

it('nothing goes out unsigned: where another key encrypted the secret, the attempt fails and says so', async () => {
  const ada = service.caller();
  const { id } = await makeEndpoint(service, ada, receiver.url);
  const loop = service.deliver({ keys: deriveWebhookKeys(randomBytes(32)) });
  await service.receive(postedEvent(ada.id, null));
  await eventually(async () => {
    const answer = await service.call(ada, `GET /v1/webhook-endpoints/${id}/deliveries`);
    expect(answer.json()).toMatchObject({ data: [{ attempts: [{ status: null, error: 'unsigned' }] }] });
  });
  await loop.close();
  expect(receiver.received).toEqual([]);
});
