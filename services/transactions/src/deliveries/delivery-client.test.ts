import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDeliveryClient, type DeliveryClient } from './delivery-client.ts';
import { delivery, startTestNotification, type TestNotification } from './testing/test-notification.ts';

const id = 'txn_01h455vb4pex5vsknk084sn02q';
const logger = createLogger({ service: 'transactions', level: 'silent' });
const page = (...data: unknown[]) => JSON.stringify({ data });

let notification: TestNotification;
let client: DeliveryClient;
beforeAll(async () => {
  notification = await startTestNotification();
});
beforeEach(async () => {
  await notification.answers({});
  notification.received.length = 0;
  // A new one each time: the breaker remembers.
  client = createDeliveryClient({ url: notification.url, logger });
});
afterEach(() => client.close());
afterAll(() => notification.kill());

const ask = () => client.deliveriesOf(id, 'Bearer the.readers.own');

/** What came of it, and in how many milliseconds. */
async function timed() {
  const started = performance.now();
  return { deliveries: await ask(), ms: performance.now() - started };
}

describe('deliveriesOf', () => {
  test('asks for the transaction with the reader’s own authorization, and gives what is told', async () => {
    const waiting = { status: 'pending', attempts: 0, lastStatus: null, lastAttemptAt: null };
    const told = [delivery(), delivery(waiting), delivery({ status: 'failed' })];
    await notification.answers({ body: page(...told) });
    expect(await ask()).toEqual(told);
    await eventually(() =>
      expect(notification.received).toEqual([
        { url: `/internal/webhook-deliveries?transaction=${id}`, authorization: 'Bearer the.readers.own' },
      ]),
    );
  });

  test('takes no offence at fields that it does not know', async () => {
    await notification.answers({ body: JSON.stringify({ data: [delivery({ latencyMs: 7 })], more: true }) });
    expect(await ask()).toMatchObject([delivery()]);
  });

  test.each([
    ['no JSON', '<html>'],
    ['nothing', ''],
    ['a list', '[]'],
    ['no list', '{"data":{}}'],
    ['an id of something else', page(delivery({ id: 'txn_01h455vb4pex5vsknk084sn02q' }))],
    ['a status that there is not', page(delivery({ status: 'lost' }))],
    ['a number as text', page(delivery({ attempts: '2' }))],
    ['a time that is none', page(delivery({ createdAt: 'yesterday' }))],
    ['a field too few', page(delivery({ event: undefined }))],
    ['101 deliveries', page(...Array.from({ length: 101 }, () => delivery()))],
    ['more than 256 KiB', page(delivery({ note: 'x'.repeat(256 * 1024) }))],
  ])('null for %s', async (_case, body) => {
    await notification.answers({ body });
    expect(await ask()).toBeNull();
  });

  test.each([401, 403, 404])('null for a %i, which opens no breaker', async (status) => {
    await notification.answers({ status });
    for (let count = 0; count < 12; count += 1) expect(await ask()).toBeNull();
    await notification.answers({ body: page(delivery()) });
    expect(await ask()).toEqual([delivery()]);
    await eventually(() => expect(notification.received).toHaveLength(13));
  });

  test('null within its second when it is slow, and when it stands still', async () => {
    await notification.answers({ delayMs: 5_000 });
    const slow = await timed();
    notification.freeze();
    const frozen = await timed();
    notification.thaw();
    for (const { deliveries, ms } of [slow, frozen]) {
      expect(deliveries).toBeNull();
      expect(ms).toBeGreaterThan(900);
      expect(ms).toBeLessThan(1_500);
    }
  });

  test('null at once, without a call, while it fails; told again soon after it is back', async () => {
    await notification.answers({ status: 503 });
    for (let count = 0; count < 20; count += 1) expect(await ask()).toBeNull();
    expect(notification.received.length).toBeLessThan(10);
    await notification.answers({ body: page(delivery()) });
    await eventually(async () => expect(await ask()).toEqual([delivery()]), { timeoutMs: 5_000 });
  });

  test('null while it is dead, and told again soon after it has been started', async () => {
    await notification.kill();
    for (let count = 0; count < 12; count += 1) {
      const { deliveries, ms } = await timed();
      expect(deliveries).toBeNull();
      expect(ms).toBeLessThan(500);
    }
    await notification.start();
    await eventually(async () => expect(await ask()).toEqual([]), { timeoutMs: 5_000 });
  });

  test('null at once beyond 32 calls at a time, which opens no breaker', async () => {
    await notification.answers({ body: page(delivery()), delayMs: 400 });
    const answers = await Promise.all(Array.from({ length: 80 }, timed));
    const refused = answers.filter(({ deliveries }) => deliveries === null);
    expect(refused).toHaveLength(48);
    for (const { ms } of refused) expect(ms).toBeLessThan(300);
    expect(await ask()).toEqual([delivery()]);
  });

  test('a call under way ends with the process', async () => {
    await notification.answers({ delayMs: 5_000 });
    const asked = timed();
    await eventually(() => expect(notification.received).toHaveLength(1));
    client.close();
    const { deliveries, ms } = await asked;
    expect(deliveries).toBeNull();
    expect(ms).toBeLessThan(900);
  });
});
