import { firstUuidAt, newUuid, parseId } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { deliveriesOf, makeEndpoint, postedEvent } from '../testing/webhooks.ts';
import { endWaitingOfDisabled } from '../webhook-endpoints/endpoint-queries.ts';
import { purgeSecrets } from '../webhook-endpoints/secret-queries.ts';
import { purgeEvents, recordEvents } from './webhook-event-queries.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** An event of so many days ago, with its delivery as it stands. */
async function deliver(caller: Caller, endpoint: string, daysAgo: number, status: 'pending' | 'succeeded' | 'failed') {
  const [owner, endpointId] = [parseId('usr', caller.id) ?? '', parseId('whe', endpoint) ?? ''];
  const id = `${firstUuidAt(Math.floor(Date.now() - daysAgo * 86_400_000)).slice(0, 19)}${newUuid().slice(19)}`;
  const event = { id, owner, type: 'hold.created' as const, transaction: null, occurredAt: new Date(), body: '{}' };
  const deliveries = [{ endpoint: endpointId, event: id, owner }];
  await recordEvents(service.db, { events: [event], endpoints: [{ id: endpointId }], deliveries });
  await sql`update webhook_deliveries set status = ${status}, attempts = 1,
    next_attempt_at = case when ${status} = 'pending' then now() end where event_id = ${id}`.execute(service.db);
  await sql`insert into webhook_attempts select id, 1, now(), 500, null, 1, '' from webhook_deliveries
    where event_id = ${id}`.execute(service.db);
}

it('what was delivered or given up goes with its event after its days; what is on its way stays', async () => {
  const ada = service.caller();
  const { id } = await makeEndpoint(service, ada, 'https://hooks.example/');
  await deliver(ada, id, 31, 'succeeded');
  await deliver(ada, id, 30.1, 'failed');
  await deliver(ada, id, 40, 'pending');
  await deliver(ada, id, 29.9, 'succeeded');
  expect(await purgeEvents(service.db, 30)).toBe(2n);
  const left = await deliveriesOf(service, ada, id);
  expect(left.map(({ status }) => status)).toEqual(['succeeded', 'pending']);
  const { rows } = await sql`select from webhook_attempts`.execute(service.db);
  expect(rows).toHaveLength(2);
  expect(await purgeEvents(service.db, 30)).toBe(0n);
});

it('secrets go when they sign nothing any more', async () => {
  const ada = service.caller();
  const { id } = await makeEndpoint(service, ada, 'https://hooks.example/');
  const rotated = await service.call(ada, `POST /v1/webhook-endpoints/${id}/rotate-secret`);
  expect(rotated.status).toBe(200);
  expect(await purgeSecrets(service.db)).toBe(0n);
  // A second before, since a machine's clock may be set back by a little.
  await sql`update webhook_secrets set expires_at = now() - interval '1 second' where expires_at is not null`.execute(
    service.db,
  );
  expect(await purgeSecrets(service.db)).toBe(1n);
});

it('what waits for a disabled endpoint is given up, also where the process died before it could', async () => {
  const ada = service.caller();
  const { id } = await makeEndpoint(service, ada, 'https://hooks.example/');
  await service.receive(postedEvent(ada.id, null));
  await sql`update webhook_endpoints set status = 'disabled', disabled_for = 'failing' where id = ${parseId('whe', id)}`.execute(
    service.db,
  );
  expect(await endWaitingOfDisabled(service.db)).toBe(1n);
  expect(await deliveriesOf(service, ada, id)).toMatchObject([{ status: 'failed', nextAttemptAt: null }]);
});

it('an event of somebody whose endpoints are all disabled is kept, to be replayed, and not sent', async () => {
  const ada = service.caller();
  const { id } = await makeEndpoint(service, ada, 'https://hooks.example/');
  await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: { status: 'disabled' } });
  const event = postedEvent(ada.id, null);
  await service.receive(event);
  expect(await deliveriesOf(service, ada, id)).toEqual([]);
  await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: { status: 'enabled' } });
  const body = { from: event.id, to: event.id };
  const replayed = await service.call(ada, `POST /v1/webhook-endpoints/${id}/replay`, { body });
  expect(replayed.json()).toMatchObject({ events: 1 });
  expect(await deliveriesOf(service, ada, id)).toMatchObject([{ event: event.id, status: 'pending' }]);
});
