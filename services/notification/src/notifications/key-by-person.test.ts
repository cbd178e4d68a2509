import { createDatabase, createPool, provision } from '@florin/database';
import { formatId, newUuid } from '@florin/service';
import { createTestDatabase, testPassword } from '@florin/testing';
import { type Kysely, sql } from 'kysely';
import { expect, it } from 'vitest';
import { up as createNotifications } from '../../migrations/20261120T1200-create-notifications.ts';
import { up as createInbox } from '../../migrations/20261120T1210-create-inbox.ts';
import { up as createErasedUsers } from '../../migrations/20261120T1545-create-erased-users.ts';
import { up as keyByPerson } from '../../migrations/20261120T1711-key-notifications-by-person-breaking.ts';
import { up as createRowTypes } from '../../migrations/20261129T1310-create-row-types.ts';
import type { Tables } from '../tables.ts';
import { insertNotices, listNotifications } from './notification-queries.ts';

const schema = 'notification';

it('what people were told before stays, and new notices come before it', async () => {
  const database = await createTestDatabase({
    schema,
    variant: 'empty',
    prepare: async ({ adminUrl }) => {
      const services = [{ name: schema, password: testPassword, ownerPassword: testPassword }];
      await provision({ adminUrl, services, busPassword: testPassword });
    },
  });
  const db = createDatabase<Tables>(createPool({ url: database.ownerUrl, schema, applicationName: 'migration-test' }));
  try {
    const untyped = db as Kysely<unknown>;
    for (const up of [createNotifications, createInbox, createErasedUsers]) await up(untyped);
    const [user, other, id] = [newUuid(), newUuid(), newUuid()];
    await sql`insert into notifications (id, event_id, user_id, topic, title, body, data, created_at)
      values (${id}, 'evt_1', ${user}, 'x', 'old', '', '{"account":"acc_1"}', now()),
        (${newUuid()}, 'evt_1', ${other}, 'x', 'not yours', '', '{}', now())`.execute(db);
    for (const up of [keyByPerson, createRowTypes]) await up(untyped);
    const notice = { user: formatId('usr', user), topic: 'account.opened', title: 'new', body: '', data: {} } as const;
    await insertNotices(db, [{ event: formatId('evt', newUuid()), notices: [notice] }]);
    const list = await listNotifications(db, user, { unread: true, before: undefined, limit: 10 });
    expect(list).toMatchObject([{ title: 'new' }, { id, title: 'old', data: { account: 'acc_1' } }]);
  } finally {
    await db.destroy();
    await database.drop();
  }
});
