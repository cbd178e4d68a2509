import { accountOpened, userErased } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { columnsWith, eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertNotices } from '../notifications/notification-queries.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { insertEndpoint, lockOwner } from '../webhook-endpoints/endpoint-queries.ts';
import { listEndpointsOf, recordEvents } from '../webhook-events/webhook-event-queries.ts';
import { eraseUsers } from './erase-users.ts';

const canary = 'C4nary of Ada';
let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

function opened(owner: Caller) {
  const fixed = { id: 'acc_01h455vb4pex5vsknk084sn02q', type: 'checking' as const, currency: 'USD', version: 1 };
  const account = { ...fixed, owner: owner.id, name: canary, accountNumber: 'LU28', status: 'active' as const };
  return newEvent(accountOpened, { source: 'florin/accounts', subject: account.id, data: { account } });
}

function erased(user: Caller) {
  const data = { user: user.id, erasedAt: new Date().toISOString() };
  return newEvent(userErased, { source: 'florin/identity', subject: user.id, data });
}

const notice = (user: Caller) => ({
  event: newEvent(userErased, { source: 'x', subject: 'x', data: { user: user.id, erasedAt: '' } }).id,
  notices: [{ user: user.id, topic: 'account.opened' as const, title: canary, body: '', data: {} }],
});

async function inbox(user: Caller): Promise<unknown[]> {
  return (await service.call(user, 'GET /v1/notifications')).json<{ data: unknown[] }>().data;
}

it('empties one inbox and no other, leaves no trace in any column, and keeps nothing that is told later', async () => {
  const [ada, grace] = [service.caller(), service.caller()];
  await service.receive(opened(ada));
  expect(await columnsWith(service.database.ownerUrl, 'notification', [canary])).toEqual(['notifications.title']);
  await service.receive(erased(ada));
  await service.receive(erased(ada));
  expect(await inbox(ada)).toEqual([]);
  expect(await columnsWith(service.database.ownerUrl, 'notification', [canary])).toEqual([]);
  // An event that was under way when the person left.
  await service.receive(opened(ada));
  expect(await columnsWith(service.database.ownerUrl, 'notification', [canary])).toEqual([]);
  await service.receive(opened(grace));
  await service.receive(erased(ada));
  expect(await inbox(grace)).toHaveLength(1);
});

it('endpoints, secrets, events, deliveries and kept answers go with their person, and with nobody else', async () => {
  const [ada, grace] = [service.caller(), service.caller()];
  const url = (name: string) => `https://hooks.example/${encodeURIComponent(name)}`;
  const body = (name: string) => ({ url: url(name), events: ['*'], description: name });
  const headers = { 'idempotency-key': 'C4nary-key-1' };
  const made = await service.call(ada, 'POST /v1/webhook-endpoints', { body: body('C4nary'), headers });
  expect(made.status).toBe(201);
  const { id } = made.json<{ id: string }>();
  await service.call(ada, `POST /v1/webhook-endpoints/${id}/test`, { headers: { 'idempotency-key': 'C4nary-key-2' } });
  await service.call(grace, 'POST /v1/webhook-endpoints', { body: body('Grace') });
  await service.receive(opened(ada), opened(grace));
  await sql`insert into webhook_attempts select id, 1, now(), 200, null, 5, 'C4nary' from webhook_deliveries
    where owner_id = ${parseId('usr', ada.id)}`.execute(service.db);
  const traces = () => columnsWith(service.database.ownerUrl, 'notification', ['C4nary']);
  expect((await traces()).sort()).toEqual([
    ...['idempotency_keys.key', 'notifications.title', 'webhook_attempts.answer', 'webhook_endpoints.description'],
    ...['webhook_endpoints.url', 'webhook_events.body'],
  ]);
  await service.receive(erased(ada));
  const rest = async () => {
    const { rows } = await sql<Record<string, number>>`select
      (select count(*)::int from webhook_endpoints) as endpoints, (select count(*)::int from webhook_secrets) as secrets,
      (select count(*)::int from webhook_events) as events, (select count(*)::int from webhook_deliveries) as deliveries,
      (select count(*)::int from webhook_attempts) as attempts, (select count(*)::int from idempotency_keys) as answers`.execute(
      service.db,
    );
    return rows[0];
  };
  const graces = { endpoints: 1, secrets: 1, events: 1, deliveries: 1, attempts: 0, answers: 0 };
  expect(await rest()).toEqual(graces);
  // With a token that is still good for a moment, and by an event that was under way.
  const late = await service.call(ada, 'POST /v1/webhook-endpoints', { body: body('C4nary') });
  expect([late.status, late.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
  await service.receive(opened(ada));
  expect(await rest()).toEqual(graces);
});

it('an endpoint that is being made when the erasure comes goes too, and an event that is being kept', async () => {
  const ada = service.caller();
  const userId = parseId('usr', ada.id) ?? '';
  let erasing: Promise<void> | undefined;
  await inTransaction(service.db, async (tx) => {
    await lockOwner(tx, userId);
    const endpoint = { id: newUuid(), url: 'https://hooks.example/', events: ['*'], description: null };
    await insertEndpoint(tx, userId, {
      ...{ ...endpoint, status: 'enabled', disabledFor: null, failingSince: null, createdAt: new Date() },
    });
    erasing = service.receive(erased(ada));
    await waitsForLock();
  });
  await erasing;
  const other = service.caller();
  await service.call(other, 'POST /v1/webhook-endpoints', { body: { url: 'https://hooks.example/', events: ['*'] } });
  await inTransaction(service.db, async (tx) => {
    const [endpoint] = await listEndpointsOf(tx, [parseId('usr', other.id) ?? '']);
    const event = { id: newUuid(), owner: endpoint?.owner ?? '', type: 'hold.created' as const, transaction: null };
    const events = [{ ...event, occurredAt: new Date(), body: canary }];
    const deliveries = [{ endpoint: endpoint?.id ?? '', event: event.id, owner: event.owner }];
    expect(await recordEvents(tx, { events, endpoints: [{ id: endpoint?.id ?? '' }], deliveries })).toBe(1);
    erasing = service.receive(erased(other));
    await waitsForLock();
  });
  await erasing;
  const owners = [ada, other].map(({ id }) => parseId('usr', id) ?? '');
  const { rows } = await sql`select owner_id from webhook_endpoints where owner_id = any(${owners}::uuid[])
    union all select owner_id from webhook_events where owner_id = any(${owners}::uuid[])`.execute(service.db);
  expect(rows).toEqual([]);
});

it('a notice that is being written when the erasure comes goes too', async () => {
  const ada = service.caller();
  let erasing: Promise<void> | undefined;
  await inTransaction(service.db, async (tx) => {
    await insertNotices(tx, [notice(ada)]);
    erasing = service.receive(erased(ada));
    await waitsForLock();
  });
  await erasing;
  expect(await inbox(ada)).toEqual([]);
});

it('a notice that comes while the erasure is being written is not kept', async () => {
  const ada = service.caller();
  let telling: Promise<void> | undefined;
  await inTransaction(service.db, async (tx) => {
    await eraseUsers(tx, [parseId('usr', ada.id) ?? '']);
    telling = insertNotices(service.db, [notice(ada)]);
    await waitsForLock();
    // People read meanwhile.
    expect(await inbox(ada)).toEqual([]);
  });
  await telling;
  expect(await inbox(ada)).toEqual([]);
  const userId = parseId('usr', ada.id) ?? '';
  expect(await service.db.selectFrom('erased_users').select('user_id').execute()).toContainEqual({ user_id: userId });
});

it('every table that names a person is known to the erasure', async () => {
  const { rows } = await sql<{ table: string }>`
    select table_name as table from information_schema.columns
    where table_schema = 'notification' and column_name in ('owner', 'owner_id', 'user_id') order by 1`.execute(
    service.db,
  );
  expect(rows.map(({ table }) => table)).toEqual([
    ...['erased_users', 'notifications', 'webhook_deliveries', 'webhook_endpoints', 'webhook_events'],
  ]);
});

/** Until a connection to the database waits for a lock. */
async function waitsForLock(): Promise<void> {
  await eventually(async () => {
    const { rows } = await sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(service.db);
    expect(rows).not.toEqual([]);
  });
}
