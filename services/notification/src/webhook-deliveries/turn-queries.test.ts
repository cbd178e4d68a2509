import { inTransaction } from '@florin/database';
import { newUuid, parseId } from '@florin/service';
import { eventually } from '@florin/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, startTestService, type TestService } from '../testing/test-service.ts';
import { deliveriesOf, makeEndpoint, postedEvent } from '../testing/webhooks.ts';
import { recordEvents } from '../webhook-events/webhook-event-queries.ts';
import { retireEndpoint } from './retire-endpoint.ts';
import { claimTurns, endTurn, listDue, measureBacklog, recordAttempt } from './turn-queries.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const leaseMs = 60_000;
const well = { failures: 0, failingSince: null, restingUntil: null };
const uuidOf = (id: string) => parseId('whe', id) ?? '';

async function waiting(caller: Caller): Promise<{ id: string; endpointId: string }> {
  const { id } = await makeEndpoint(service, caller, 'https://hooks.example/');
  await service.receive(postedEvent(caller.id, null));
  return { id, endpointId: uuidOf(id) };
}

async function claim(endpointId: string) {
  const turns = await claimTurns(service.db, 100, leaseMs);
  const turn = turns.find((candidate) => candidate.endpointId === endpointId);
  if (!turn) throw new Error('it is not the turn of this endpoint');
  return turn;
}

const place = async (id: string) => {
  const query = service.db.selectFrom('webhook_endpoints').select(['due_at', 'leased_until', 'resting_until']);
  return await query.where('id', '=', id).executeTakeFirstOrThrow();
};

it('a turn belongs to one, until its lease is over', async () => {
  const { endpointId } = await waiting(service.caller());
  const turn = await claim(endpointId);
  await expect(claim(endpointId)).rejects.toThrow('not the turn');
  await sql`update webhook_endpoints set leased_until = now() where id = ${endpointId}`.execute(service.db);
  const next = await claim(endpointId);
  // Whoever comes too late ends nothing.
  await endTurn(service.db, turn, well);
  expect(await place(endpointId)).toMatchObject({ leased_until: next.leasedUntil });
  await endTurn(service.db, next, well);
  expect(await place(endpointId)).toMatchObject({ leased_until: null, due_at: expect.any(Date) });
});

it('what becomes due while a turn is being ended is not forgotten', async () => {
  const ada = service.caller();
  const { endpointId } = await waiting(ada);
  const turn = await claim(endpointId);
  const made = { at: new Date(), latencyMs: 1, status: 200, error: null, answer: '' };
  for (const { id } of await listDue(service.db, endpointId, 8)) {
    await recordAttempt(service.db, id, made, { status: 'succeeded' });
  }
  let ending: Promise<void> | undefined;
  await inTransaction(service.db, async (tx) => {
    const event = { id: newUuid(), owner: parseId('usr', ada.id) ?? '', type: 'hold.created' as const, body: '{}' };
    const deliveries = [{ endpoint: endpointId, event: event.id, owner: event.owner }];
    const events = [{ ...event, transaction: null, occurredAt: new Date() }];
    expect(await recordEvents(tx, { events, endpoints: [{ id: endpointId }], deliveries })).toBe(1);
    // It has looked for what is due next, has not seen this, and waits for the endpoint.
    ending = endTurn(service.db, turn, well);
    await eventually(async () => {
      const { rows } = await sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(service.db);
      expect(rows).not.toEqual([]);
    });
  });
  await ending;
  expect((await place(endpointId)).due_at).not.toBeNull();
  expect((await claim(endpointId)).endpointId).toBe(endpointId);
});

it('an endpoint that rests is due after it, also when something new comes; with nothing to send it is not due at all', async () => {
  const ada = service.caller();
  const { endpointId } = await waiting(ada);
  const restingUntil = new Date(Date.now() + 100_000);
  const turn = await claim(endpointId);
  await endTurn(service.db, turn, { failures: 1, failingSince: new Date(), restingUntil });
  expect((await place(endpointId)).due_at).toEqual(restingUntil);
  await service.receive(postedEvent(ada.id, null));
  expect((await place(endpointId)).due_at).toEqual(restingUntil);
  const { id } = await makeEndpoint(service, ada, 'https://hooks.example/');
  await sql`update webhook_endpoints set due_at = now() where id = ${uuidOf(id)}`.execute(service.db);
  await endTurn(service.db, await claim(uuidOf(id)), { failures: 1, failingSince: new Date(), restingUntil });
  expect((await place(uuidOf(id))).due_at).toBeNull();
});

it('an endpoint that somebody has called meanwhile does not rest', async () => {
  const ada = service.caller();
  const { id, endpointId } = await waiting(ada);
  const end = { failures: 9, failingSince: new Date(), restingUntil: new Date(Date.now() + 100_000) };
  const turn = await claim(endpointId);
  await service.call(ada, `POST /v1/webhook-endpoints/${id}/test`);
  await endTurn(service.db, turn, end);
  expect(await place(endpointId)).toMatchObject({ resting_until: null });
  const next = await claim(endpointId);
  await endTurn(service.db, next, end);
  expect(await place(endpointId)).toMatchObject({ resting_until: end.restingUntil, due_at: end.restingUntil });
});

it('what failed under the old URL counts for nothing under the new one', async () => {
  const ada = service.caller();
  const { id, endpointId } = await waiting(ada);
  const turn = await claim(endpointId);
  const moved = { url: 'https://moved.example/' };
  await service.call(ada, `PATCH /v1/webhook-endpoints/${id}`, { body: moved });
  await endTurn(service.db, turn, {
    failures: 9,
    failingSince: new Date(0),
    restingUntil: new Date(Date.now() + 100_000),
  });
  await retireEndpoint(service, { ...turn, endpointId }, 'gone');
  const shown = await service.call(ada, `GET /v1/webhook-endpoints/${id}`);
  expect(shown.json()).toMatchObject({ ...moved, status: 'enabled', failingSince: null });
  expect((await claim(endpointId)).failures).toBe(0);
});

it('of a delivery the last fifty attempts are kept; of one that is gone none is written', async () => {
  const ada = service.caller();
  const { id, endpointId } = await waiting(ada);
  const [due] = await listDue(service.db, endpointId, 1);
  const at = new Date();
  const made = { at, latencyMs: 1, status: null, error: 'timeout', answer: null };
  const next = { status: 'pending' as const, firstFailedAt: at, nextAttemptAt: at };
  for (let count = 0; count < 53; count += 1) await recordAttempt(service.db, due?.id ?? '', made, next);
  const [delivery] = await deliveriesOf(service, ada, id);
  expect(delivery?.attemptCount).toBe(53);
  expect(delivery?.attempts.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, index) => index + 4));
  await service.call(ada, `DELETE /v1/webhook-endpoints/${id}`);
  await recordAttempt(service.db, due?.id ?? '', made, next);
  const { rows } = await sql`select from webhook_attempts where delivery_id = ${due?.id}`.execute(service.db);
  expect(rows).toEqual([]);
});

it('the backlog is what waits, and the oldest is how long an endpoint has been due', async () => {
  const before = await measureBacklog(service.db);
  const { endpointId } = await waiting(service.caller());
  await sql`update webhook_endpoints set due_at = now() - interval '90 seconds' where id = ${endpointId}`.execute(
    service.db,
  );
  const after = await measureBacklog(service.db);
  expect(after.pending).toBe(before.pending + 1);
  expect(after.oldestSeconds).toBeGreaterThanOrEqual(90);
  expect(after.oldestSeconds).toBeLessThan(100);
});
