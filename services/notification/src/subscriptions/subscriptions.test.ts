import { accountFrozen, transactionPosted } from '@florin/contracts';
import { newEvent } from '@florin/database';
import { connectTransport, startSubscriptions } from '@florin/messaging';
import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { subscriptionsOf } from './index.ts';

const subscriptions = subscriptionsOf(() => {});
let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const account = {
  id: 'acc_01h455vb4pex5vsknk084sn02q',
  name: 'Daily',
  type: 'checking' as const,
  currency: 'USD',
  accountNumber: 'LU289990000000001234',
  status: 'frozen' as const,
  version: 2,
};

it('an event that is delivered three times is told once', async () => {
  const logger = createLogger({ service: 'notification', level: 'silent' });
  const transport = connectTransport({ url: service.database.busUrl, logger });
  const consumer = startSubscriptions({ transport, db: service.db, subscriptions, logger });
  try {
    const caller = service.caller();
    const data = { account: { ...account, owner: caller.id }, reason: 'seen in the news' };
    const event = newEvent(accountFrozen, { source: 'florin/accounts', subject: account.id, data });
    await transport.publish([event, event]);
    await transport.publish([event]);
    await eventually(async () => {
      const answer = await service.call(caller, 'GET /v1/notifications');
      expect(answer.json()).toMatchObject({
        data: [{ topic: 'account.frozen', title: 'Your account Daily is frozen' }],
      });
      expect(JSON.stringify(answer.json())).not.toContain('seen in the news');
    });
  } finally {
    await consumer.close();
    await transport.close();
  }
});

it('reads every event of its queue', async () => {
  const { queues } = await import('@florin/contracts');
  expect(subscriptions.map(({ type }) => type).sort()).toEqual([...queues['notification.inbox']].sort());
  expect(subscriptions.map(({ type }) => type)).toContain(transactionPosted.type);
});
