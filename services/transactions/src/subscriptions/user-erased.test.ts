import { randomUUID } from 'node:crypto';
import { userErased } from '@florin/contracts';
import { inTransaction, newEvent } from '@florin/database';
import { newUuid } from '@florin/service';
import { columnsWith, eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { onUserErased } from './user-erased.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function erase(user: Caller): Promise<void> {
  const data = { user: user.id, erasedAt: new Date().toISOString() };
  const event = newEvent(userErased, { source: 'florin/identity', subject: user.id, data });
  await inTransaction(service.ledger.db, (tx) => onUserErased.handle(tx, [onUserErased.parse(event)]));
}

/** A busy ledger answers 503, and then the key is as good as new. */
async function post(by: Caller, path: string, body: object) {
  const headers = { 'idempotency-key': randomUUID() };
  return await eventually(async () => {
    const answer = await service.call(by, `POST ${path}`, body, headers);
    if (answer.status > 201) throw new Error(`${path} answered ${answer.text}`);
    return answer;
  });
}

async function addPayment(owner: Caller, account: string, status: 'pending' | 'posted' | 'failed', text: string) {
  const id = newUuid();
  await sql`insert into payments (id, type, account_id, owner_id, amount, currency, status, provider, source,
      description, metadata, initiated_by, created_at, updated_at)
    values (${id}, 'deposit', ${account}, ${owner.uuid}, 500, 'USD', ${status}, 'sandbox',
      ${JSON.stringify({ type: 'bank_account', iban: 'DE89370400440532013000' })}, ${text},
      ${JSON.stringify({ note: text })}, ${owner.id}, now(), now())`.execute(service.ledger.db);
}

/** A person with a text on everything that takes one: transfers, holds of each end, payments of each status. */
async function writer(canary: string): Promise<Caller> {
  const [person, other] = [service.caller(), service.caller()];
  const [from, to] = [await service.open(person, 10_000n), await service.open(other)];
  const order = { from: from.id, to: to.id, amount: '1.00', currency: 'USD', description: canary };
  await post(person, '/v1/transfers', { ...order, metadata: { note: canary } });
  const wish = { account: from.id, to: to.id, amount: '1.00', currency: 'USD', description: canary };
  const [captured, voided] = [await post(person, '/v1/holds', wish), await post(person, '/v1/holds', wish)];
  await post(person, `/v1/holds/${captured.json().id}/capture`, {});
  await post(person, `/v1/holds/${voided.json().id}/void`, {});
  for (const status of ['pending', 'posted', 'failed'] as const) await addPayment(person, from.uuid, status, canary);
  return person;
}

const traces = (text: string) => columnsWith(service.ledger.database.ownerUrl, 'transactions', [text]);

describe('identity.user.erased', () => {
  it('takes texts from holds, payments and kept answers; the sealed ledger stays whole', async () => {
    const canary = `c4nary-${randomUUID()}`;
    const person = await writer(canary);
    expect(await traces(canary)).toEqual([
      'holds.description',
      'idempotency_keys.body',
      'outbox.event',
      'payments.description',
      'payments.metadata',
      'transactions.description',
      'transactions.metadata',
    ]);
    const ledger = () => service.ledger.db.selectFrom('transactions').selectAll().orderBy('id').execute();
    const before = await ledger();
    // As the relay does once an event is published.
    await service.ledger.db.deleteFrom('outbox').execute();
    await erase(person);
    await erase(person);
    expect(await traces(canary)).toEqual(['transactions.description', 'transactions.metadata']);
    expect(await ledger()).toEqual(before);
    const { rows } = await sql<{ iban: string }>`
      select distinct source ->> 'iban' as iban from payments where owner_id = ${person.uuid}`.execute(
      service.ledger.db,
    );
    expect(rows).toEqual([{ iban: 'DE89370400440532013000' }]);
  });

  it('leaves what others wrote', async () => {
    const canary = `c4nary-${randomUUID()}`;
    await writer(canary);
    const before = await traces(canary);
    await erase(service.caller());
    expect(await traces(canary)).toEqual(before);
  });
});

describe('GET /internal/own-payments', () => {
  it('200 one’s own deposits and withdrawals with their instruments, newest first, page by page', async () => {
    const [owner, other] = [service.caller(), service.caller()];
    const accounts = [await service.open(owner), await service.open(owner)];
    await addPayment(other, (await service.open(other)).uuid, 'posted', 'not mine');
    for (const [index, { uuid }] of [...accounts, ...accounts, ...accounts].entries()) {
      await addPayment(owner, uuid, 'posted', `number ${index}`);
    }
    const seen: Record<string, unknown>[] = [];
    let cursor: string | null = '';
    do {
      const answer = await service.call(owner, `GET /internal/own-payments?limit=4${cursor && `&cursor=${cursor}`}`);
      expect(answer.status).toBe(200);
      const page = answer.json<{ data: Record<string, unknown>[]; nextCursor: string | null }>();
      seen.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen.map(({ description }) => description)).toEqual([5, 4, 3, 2, 1, 0].map((index) => `number ${index}`));
    expect(seen[0]).toMatchObject({
      id: expect.stringMatching(/^txn_/),
      account: accounts[1]?.id,
      amount: '5.00',
      instrument: { type: 'bank_account', iban: 'DE89370400440532013000' },
      metadata: { note: 'number 5' },
    });
    expect((await service.call(owner, 'GET /internal/own-payments?cursor=x')).status).toBe(400);
  });

  it('403 without the scope, and for services', async () => {
    const poor = service.caller({ scopes: ['transactions:write'] });
    expect((await service.call(poor, 'GET /internal/own-payments')).status).toBe(403);
    const token = service.issuer.serviceToken('identity', 'transactions');
    expect((await service.call({ token }, 'GET /internal/own-payments')).status).toBe(403);
  });
});
