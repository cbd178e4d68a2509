import { accountOpened, userErased } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { parseId } from '@florin/service';
import { columnsWith, eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertNotices } from '../notifications/notification-queries.ts';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
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
