import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@florin/client';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCustomer } from './people.ts';

let fleet: Fleet;
let ada: Awaited<ReturnType<typeof newCustomer>>;
let grace: Awaited<ReturnType<typeof newCustomer>>;
beforeAll(async () => {
  fleet = await startFleet({ transport: 'embedded', env: { FLORIN_RATE_LIMITS: 'off' } });
  ada = await newCustomer(fleet, 'Ada', '100000.00');
  grace = await newCustomer(fleet, 'Grace', '1.00');
});
afterAll(() => fleet?.stop());

/** Ids of the transfers that were answered with 201 while `during` ran; each unknown outcome is asked for again by its key. */
async function transfersDuring(during: () => Promise<void>): Promise<string[]> {
  const client = createClient({ baseUrl: fleet.gateway, accessToken: ada.accessToken });
  const acknowledged: string[] = [];
  let running = true;
  const payer = async () => {
    const order = { from: ada.account.id, to: grace.account.id, amount: '0.01', currency: 'USD' };
    while (running) {
      const idempotencyKey = crypto.randomUUID();
      for (let attempt = 1; ; attempt++) {
        const transfer = await client.transfer(order, { idempotencyKey }).catch((error: Error) => error);
        if (!(transfer instanceof Error)) {
          acknowledged.push(transfer.id);
          await sleep(25);
          break;
        }
        if (transfer.name !== 'UnknownOutcomeError' || attempt > 20) throw transfer;
        await sleep(100);
      }
    }
  };
  // A steady load that leaves the processor room: how fast a process is back must not be a matter of the load.
  const payers = Array.from({ length: 4 }, payer);
  await sleep(300);
  await during();
  await sleep(300);
  running = false;
  await Promise.all(payers);
  return acknowledged;
}

const cents = (amount: string) => Number(amount.replace('.', ''));
const posted = async (who: typeof ada) => cents((await who.client.balance(who.account.id)).posted);

async function isReady(name: string): Promise<void> {
  const response = await fetch(`${fleet.process(name).url}/health/ready`);
  if (response.status !== 200) throw new Error(`${name} is not ready`);
}

describe.each(['identity', 'accounts', 'transactions', 'notification', 'sandbox-provider', 'gateway'])(
  'kill -9 of %s',
  (name) => {
    it('it is back in 3 s, and nothing acknowledged is lost or doubled', async () => {
      const [before, received] = [await posted(ada), await posted(grace)];
      const old = fleet.process(name).pid;
      let backAfterMs = 0;
      const acknowledged = await transfersDuring(async () => {
        fleet.kill(name);
        const killedAt = Date.now();
        await eventually(
          async () => {
            expect(fleet.process(name).pid).not.toBe(old);
            await isReady(name);
          },
          { timeoutMs: 10_000 },
        );
        backAfterMs = Date.now() - killedAt;
      });
      expect(acknowledged.length).toBeGreaterThan(10);
      expect(new Set(acknowledged).size).toBe(acknowledged.length);
      await eventually(async () => {
        expect(before - (await posted(ada))).toBe(acknowledged.length);
        expect((await posted(grace)) - received).toBe(acknowledged.length);
      });
      // Three seconds on a machine that has a core to spare; in proportion where other work competes for it.
      expect(backAfterMs).toBeLessThan(3_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()));
    });
  },
);

it('what consumers missed while they were dead reaches them', async () => {
  const { entries } = await ada.client.transfer({
    from: ada.account.id,
    to: grace.account.id,
    amount: '0.01',
    currency: 'USD',
  });
  const version = entries.find(({ account }) => account === ada.account.id)?.version ?? 0;
  await eventually(
    async () => {
      const { balance } = await ada.client.account(ada.account.id, { minVersion: version });
      expect(cents(balance.posted)).toBe(await posted(ada));
      expect(await unread(grace)).toBe(cents((await grace.client.balance(grace.account.id)).posted) - 100 + 2);
    },
    { timeoutMs: 20_000 },
  );
});

/** Everything in the inbox, page by page. */
async function unread(who: typeof ada): Promise<number> {
  let count = 0;
  let cursor: string | null | undefined;
  do {
    const page = await who.client.notifications({ limit: 100, ...(cursor ? { cursor } : {}) });
    count += page.data.length;
    cursor = page.nextCursor;
  } while (cursor);
  return count;
}
