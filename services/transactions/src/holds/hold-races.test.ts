import { newUuid, parseId } from '@florin/service';
import { createLogger } from '@florin/telemetry';
import { eventually } from '@florin/testing';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokenInvariants } from '../testing/test-ledger.ts';
import { type Caller, type Opened, startTestService, type TestService } from '../testing/test-service.ts';
import { startExpiringHolds } from './expire-holds.ts';

const logger = createLogger({ service: 'transactions', level: 'silent' });
let service: TestService;
let alice: Caller;
let shop: Caller;
let till: Opened;
beforeAll(async () => {
  service = await startTestService();
  [alice, shop] = [service.caller(), service.caller()];
  till = await service.open(shop);
});
afterAll(() => service.close());

const keyed = (by: Caller, request: string, body?: unknown) =>
  service.call(by, request, body, { 'idempotency-key': newUuid() });
const place = async (account: Opened, amount: string, expiresIn?: number) =>
  await keyed(alice, 'POST /v1/holds', { account: account.id, to: till.id, amount, currency: 'USD', expiresIn });

async function row(account: Opened): Promise<{ posted: bigint; held: bigint }> {
  return await service.ledger.db
    .selectFrom('ledger_accounts')
    .select(['posted', 'held'])
    .where('id', '=', account.uuid)
    .executeTakeFirstOrThrow();
}

/** Moves the time of a hold's end into the past. */
async function makeDue(id: string): Promise<void> {
  await sql`update holds set expires_at = now() - interval '1 second' where id = ${parseId('hld', id)}`.execute(
    service.ledger.db,
  );
}

async function countEvents(id: string, type: string): Promise<number> {
  const { rows } = await sql<{ n: bigint }>`
    select count(*) as n from outbox
    where event ->> 'type' = ${type} and event ->> 'subject' = ${id}`.execute(service.ledger.db);
  return Number(rows[0]?.n);
}

describe('a hold whose time is up', () => {
  test('› 422 hold_not_active for capture and void before it has been expired; then it expires, once', async () => {
    const account = await service.open(alice, 1_000n);
    const hold = (await place(account, '6.00', 1)).json<{ id: string }>();
    await makeDue(hold.id);
    const capture = await keyed(shop, `POST /v1/holds/${hold.id}/capture`);
    expect([capture.status, capture.json().code]).toEqual([422, 'hold_not_active']);
    expect((await keyed(alice, `POST /v1/holds/${hold.id}/void`)).json().code).toBe('hold_not_active');
    expect(await row(account)).toEqual({ posted: 1_000n, held: 600n });

    const engines = [service.ledger.engine(), service.ledger.engine()];
    const loops = engines.map((engine) => startExpiringHolds({ db: service.ledger.db, engine, logger }));
    await eventually(async () => expect(await row(account)).toEqual({ posted: 1_000n, held: 0n }));
    await Promise.all(loops.map((loop) => loop.close()));
    expect(await countEvents(hold.id, 'transactions.hold.expired.v1')).toBe(1);
    expect((await service.call(alice, `GET /v1/holds/${hold.id}`)).json()).toMatchObject({ status: 'expired' });
  });

  test('› one that is not due, or stands for something else, is left alone', async () => {
    const account = await service.open(alice, 1_000n);
    const later = (await place(account, '1.00')).json<{ id: string }>();
    const other = (await place(account, '1.00')).json<{ id: string }>();
    const due = (await place(account, '1.00')).json<{ id: string }>();
    const id = parseId('hld', other.id);
    await sql`update holds set purpose = 'approval', expires_at = null where id = ${id}`.execute(service.ledger.db);
    await makeDue(due.id);
    const loop = startExpiringHolds({ db: service.ledger.db, engine: service.ledger.engine(), logger });
    await eventually(async () => expect((await row(account)).held).toBe(200n));
    await loop.close();
    expect((await service.call(alice, `GET /v1/holds/${later.id}`)).json()).toMatchObject({ status: 'active' });
  });
});

describe('capture, void and expiry of one hold at the same moment', () => {
  test.each([1, 2, 3, 4, 5])('have exactly one winner (round %i)', async () => {
    const account = await service.open(alice, 1_000n);
    const { id } = (await place(account, '10.00')).json<{ id: string }>();
    const before = (await row(till)).posted;
    const ends = Array.from({ length: 24 }, (_, index) =>
      index % 2 === 0
        ? keyed(shop, `POST /v1/holds/${id}/capture`, { amount: '4.00' })
        : keyed(alice, `POST /v1/holds/${id}/void`),
    );
    const middle = ends.length / 2;
    const first = await Promise.all(ends.slice(0, middle));
    await makeDue(id);
    const loop = startExpiringHolds({ db: service.ledger.db, engine: service.ledger.engine(), logger });
    const answers = [...first, ...(await Promise.all(ends.slice(middle)))];
    await loop.close();
    const winners = answers.filter((answer) => answer.status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter((answer) => answer.json().code === 'hold_not_active')).toHaveLength(23);
    const took = winners[0]?.json().type === 'transfer' ? 400n : 0n;
    expect((await row(till)).posted - before).toBe(took);
    expect(await row(account)).toEqual({ posted: 1_000n - took, held: 0n });
    const ended = ['captured', 'voided', 'expired'].map((end) => countEvents(id, `transactions.hold.${end}.v1`));
    expect((await Promise.all(ended)).reduce((sum, count) => sum + count)).toBe(1);
  });
});

interface Step {
  kind: 'hold' | 'capture' | 'void' | 'expire' | 'transfer';
  amount: number;
  pick: number;
}

test('any holds, captures, voids, expiries and transfers: held is the sum of what is active, nothing falls below 0', async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('hold', 'hold', 'capture', 'void', 'expire', 'transfer'),
    amount: fc.integer({ min: 1, max: 40 }),
    pick: fc.nat(5),
  });
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 5 });
  const run = async (account: Opened, holds: string[], { kind, amount, pick }: Step) => {
    const money = `0.${String(amount).padStart(2, '0')}`;
    const id = holds[pick % Math.max(1, holds.length)];
    if (kind === 'transfer') {
      return await keyed(alice, 'POST /v1/transfers', {
        from: account.id,
        to: till.id,
        amount: money,
        currency: 'USD',
      });
    }
    if (kind === 'hold' || id === undefined) {
      const answer = await place(account, money);
      if (answer.status === 201) holds.push(String(answer.json().id));
      return answer;
    }
    if (kind === 'expire') await makeDue(id);
    const verb = kind === 'void' ? 'void' : 'capture';
    return await keyed(shop, `POST /v1/holds/${id}/${verb}`, kind === 'capture' ? { amount: money } : undefined);
  };
  const loop = startExpiringHolds({ db: service.ledger.db, engine: service.ledger.engine(), logger });
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      const account = await service.open(alice, 100n);
      const holds: string[] = [];
      for (const round of all) {
        const answers = await Promise.all(round.map((one) => run(account, holds, one)));
        expect(answers.filter((answer) => ![200, 201, 422].includes(answer.status))).toEqual([]);
        const { posted, held } = await row(account);
        expect(posted - held).toBeGreaterThanOrEqual(0n);
      }
    }),
    { numRuns: 20 },
  );
  await loop.close();
  const broken = (await brokenInvariants(service.ledger.db)).map((one) => (one as { broken: string }).broken);
  expect(broken).toEqual([]);
});
