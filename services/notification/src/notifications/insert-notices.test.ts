import { formatId, newUuid } from '@florin/service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { insertNotices, listNotifications, type Told } from './notification-queries.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const people = Array.from({ length: 3 }, () => newUuid());

function told(event: string, users: readonly string[]): Told {
  const notice = { topic: 'transaction.posted', title: event, body: 'Grüße', data: { event } } as const;
  return { event, notices: users.map((user) => ({ ...notice, user: formatId('usr', user) })) };
}

const titles = async () => {
  const page = { unread: undefined, before: undefined, limit: 10 };
  const lists = await Promise.all(people.map((user) => listNotifications(service.db, user, page)));
  return lists.map((list) => list.map(({ title }) => title));
};

it('an event that comes again tells only those who have not been told', async () => {
  const [first, second] = [formatId('evt', newUuid()), formatId('evt', newUuid())];
  await insertNotices(service.db, [told(first, people.slice(0, 2))]);
  await insertNotices(service.db, [told(first, people), told(second, people)]);
  expect(await titles()).toEqual(Array(3).fill([second, first]));
  await insertNotices(service.db, [told(first, people), told(second, people)]);
  expect(await titles()).toEqual(Array(3).fill([second, first]));
});

it('the same events at the same moment in two consumers tell everybody once', async () => {
  const events = Array.from({ length: 5 }, () => formatId('evt', newUuid()));
  const before = await titles();
  const tellings = events.map((event) => told(event, people));
  await Promise.all([insertNotices(service.db, tellings), insertNotices(service.db, tellings.toReversed())]);
  const after = await titles();
  expect(after.map((list, index) => list.length - (before[index]?.length ?? 0))).toEqual([5, 5, 5]);
});
