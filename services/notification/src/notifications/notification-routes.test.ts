import { firstUuidAt, formatId, newUuid } from '@florin/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { insertNotices, purgeNotifications } from './notification-queries.ts';

interface Item {
  id: string;
  title: string;
  readAt: string | null;
}
interface Page {
  data: Item[];
  nextCursor: string | null;
}

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const newEventId = () => formatId('evt', newUuid());

async function tell(caller: Caller, ...titles: string[]): Promise<void> {
  const notice = { user: caller.id, topic: 'transaction.posted', body: '', data: { account: 'acc_1' } } as const;
  await insertNotices(
    service.db,
    titles.map((title) => ({ event: newEventId(), notices: [{ ...notice, title }] })),
  );
}

/** As `tell`, of events that happened so many days ago. */
async function tellOf(caller: Caller, ...events: [daysAgo: number, title: string][]): Promise<void> {
  const notice = { user: caller.id, topic: 'transaction.posted', body: '', data: {} } as const;
  const told = events.map(([daysAgo, title]) => {
    const event = formatId('evt', firstUuidAt(Math.floor(Date.now() - daysAgo * 86_400_000)));
    return { event, notices: [{ ...notice, title }] };
  });
  await insertNotices(service.db, told);
}

const list = async (caller: Caller, query = '') =>
  (await service.call(caller, `GET /v1/notifications${query}`)).json<Page>();
const titles = (page: Page) => page.data.map(({ title }) => title);

describe('GET /v1/notifications', () => {
  it("one's own, newest first, whole", async () => {
    const [caller, other] = [service.caller(), service.caller()];
    await tell(caller, 'first', 'second');
    await tell(other, 'not yours');
    const page = await list(caller);
    expect(titles(page)).toEqual(['second', 'first']);
    expect(page.nextCursor).toBeNull();
    expect(page.data[0]).toEqual({
      id: expect.stringMatching(/^ntf_[0-9a-z]{26}$/),
      topic: 'transaction.posted',
      title: 'second',
      body: '',
      data: { account: 'acc_1' },
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      readAt: null,
    });
  });

  it('in pages that neither repeat nor leave out', async () => {
    const caller = service.caller();
    await tell(caller, '1', '2', '3', '4', '5');
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await list(caller, `?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...titles(page));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(['5', '4', '3', '2', '1']);
  });

  it('only the unread, or only the read', async () => {
    const caller = service.caller();
    await tell(caller, 'old', 'new');
    const old = (await list(caller)).data.find(({ title }) => title === 'old');
    await service.call(caller, `POST /v1/notifications/${old?.id}/read`);
    expect(titles(await list(caller, '?unread=true'))).toEqual(['new']);
    expect(titles(await list(caller, '?unread=false'))).toEqual(['old']);
  });

  it.each(['x', 'bm90LWpzb24', Buffer.from('["1"]').toString('base64url')])(
    '400 invalid_cursor for %s',
    async (cursor) => {
      const answer = await service.call(service.caller(), `GET /v1/notifications?cursor=${cursor}`);
      expect([answer.status, answer.json()]).toMatchObject([400, { code: 'invalid_cursor' }]);
    },
  );

  it('403 insufficient_scope without notifications:read', async () => {
    const answer = await service.call(service.caller({ scopes: ['accounts:read'] }), 'GET /v1/notifications');
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'insufficient_scope' }]);
  });
});

describe('POST /v1/notifications/{id}/read', () => {
  it('200 with the time, which a repeat leaves', async () => {
    const caller = service.caller();
    await tell(caller, 'one');
    const [item] = (await list(caller)).data;
    const first = await service.call(caller, `POST /v1/notifications/${item?.id}/read`);
    expect([first.status, first.json()]).toMatchObject([200, { id: item?.id, readAt: expect.any(String) }]);
    const again = await service.call(caller, `POST /v1/notifications/${item?.id}/read`);
    expect(again.json()).toEqual(first.json());
  });

  it("404 for another's, with the body of one that does not exist", async () => {
    const [caller, other] = [service.caller(), service.caller()];
    await tell(other, 'secret');
    const [item] = (await list(other)).data;
    const theirs = await service.call(caller, `POST /v1/notifications/${item?.id}/read`);
    const nobodys = await service.call(caller, 'POST /v1/notifications/ntf_01h455vb4pex5vsknk084sn02q/read');
    const comparable = (body: Record<string, unknown>) => ({ ...body, traceId: '', instance: '' });
    expect(theirs.status).toBe(404);
    expect(comparable(theirs.json())).toEqual(comparable(nobodys.json()));
    expect((await list(other)).data[0]?.readAt).toBeNull();
  });
});

describe('POST /v1/notifications/read-all', () => {
  it("200 with how many were not read; another's stay", async () => {
    const [caller, other] = [service.caller(), service.caller()];
    await tell(caller, 'one', 'two');
    await tell(other, 'three');
    expect((await service.call(caller, 'POST /v1/notifications/read-all')).json()).toEqual({ read: 2 });
    expect((await service.call(caller, 'POST /v1/notifications/read-all')).json()).toEqual({ read: 0 });
    expect(titles(await list(other, '?unread=true'))).toEqual(['three']);
  });
});

describe('retention', () => {
  it('deletes what is older, and only that', async () => {
    const caller = service.caller();
    await tell(caller, 'recent');
    const others = Array.from({ length: 3 }, () => service.caller());
    for (const other of [...others, caller]) await tellOf(other, [11, 'old'], [10.1, 'old'], [9.9, 'young']);
    expect(await purgeNotifications(service.db, 10)).toBe(8n);
    expect(titles(await list(caller))).toEqual(['recent', 'young']);
    expect(await Promise.all(others.map(async (other) => titles(await list(other))))).toEqual(
      others.map(() => ['young']),
    );
    expect(await purgeNotifications(service.db, 10)).toBe(0n);
  });
});

describe('the inbox', () => {
  it('tells each person once of an event, also when the record of its receipt is gone', async () => {
    const [caller, other] = [service.caller(), service.caller()];
    const event = newEventId();
    const notice = { topic: 'transaction.posted', title: 'You received 1.00 USD', body: '', data: {} } as const;
    const notices = [caller, other].map(({ id }) => ({ ...notice, user: id }));
    await insertNotices(service.db, [{ event, notices }]);
    await insertNotices(service.db, [{ event, notices }]);
    expect(titles(await list(caller))).toEqual(['You received 1.00 USD']);
    expect(titles(await list(other))).toEqual(['You received 1.00 USD']);
  });
});
