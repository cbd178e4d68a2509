import { formatId, newUuid } from '@florin/service';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { subscriptionsOf } from '../subscriptions/index.ts';
import { type PlanWatch, watchPlans } from '../testing/plans.ts';
import { startTestService, type TestService } from '../testing/test-service.ts';
import { makeEndpoint, postedEvent } from '../testing/webhooks.ts';
import {
  findDelivery,
  listDeliveries,
  listOwnDeliveries,
  reopenDeliveries,
} from '../webhook-deliveries/delivery-queries.ts';
import { listTold } from '../webhook-deliveries/told-queries.ts';
import { claimTurns, endTurn, listDue, measureBacklog, recordAttempt } from '../webhook-deliveries/turn-queries.ts';
import {
  deleteEndpoints,
  endWaitingOfDisabled,
  giveUpWaiting,
  listEndpoints,
} from '../webhook-endpoints/endpoint-queries.ts';
import { listSecrets } from '../webhook-endpoints/secret-queries.ts';
import { listEventsBetween } from './event-range-queries.ts';
import { deleteEventsOf, purgeEvents } from './webhook-event-queries.ts';

let service: TestService;
let watch: PlanWatch;
beforeAll(async () => {
  service = await startTestService();
  watch = watchPlans(service);
});
afterAll(async () => {
  await watch.close();
  await service.close();
});

const person = () => formatId('usr', newUuid());

/** As the consumer does with a batch; says which statements it sent. */
async function consume(events: ReturnType<typeof postedEvent>[]): Promise<string[]> {
  const subscription = subscriptionsOf(() => {}).find(({ type }) => type === events[0]?.type);
  return await watch.statements(async () => {
    await subscription?.handle(watch.db, events);
  });
}

describe('a batch of 250 events', () => {
  it('of people without endpoints costs one look-up more than their notices; nothing is made or written', async () => {
    const events = Array.from({ length: 250 }, () => postedEvent(person(), person()));
    const statements = await consume(events);
    expect(statements.map((text) => /^(?:\/\*.*?\*\/)?\s*(\w+)/.exec(text)?.[1])).toEqual(['insert', 'select']);
    expect(statements[0]).toContain('into notifications');
    expect(statements[1]).toContain('from webhook_endpoints');
    expect(await watch.db.selectFrom('webhook_events').select('id').execute()).toEqual([]);
  });

  it('of people with endpoints one statement more, whatever their number', async () => {
    const people = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const caller = service.caller();
        await makeEndpoint(service, caller, 'http://127.0.0.1:9/');
        return caller.id;
      }),
    );
    const events = Array.from({ length: 250 }, (_, index) => postedEvent(people[index % 30] ?? '', person()));
    expect(await consume(events)).toHaveLength(3);
    const { rows } = await sql<{ events: number; deliveries: number }>`select
      (select count(*)::int from webhook_events) as events, (select count(*)::int from webhook_deliveries) as deliveries`.execute(
      watch.db,
    );
    expect(rows).toEqual([{ events: 250, deliveries: 250 }]);
  });
});

describe('with many endpoints and deliveries', () => {
  const owner = newUuid();
  const endpoint = newUuid();
  const event = newUuid();
  beforeAll(async () => {
    await sql`delete from webhook_events`.execute(watch.owner);
    await sql`delete from webhook_endpoints`.execute(watch.owner);
    await sql`insert into webhook_endpoints (id, owner_id, url, events, status, disabled_for, created_at, due_at)
      select case number when 1 then ${endpoint}::uuid else gen_random_uuid() end,
        case number when 1 then ${owner}::uuid else gen_random_uuid() end, 'https://hooks.example/', '{*}',
        case number % 20 when 0 then 'disabled' else 'enabled' end, case number % 20 when 0 then 'owner' end, now(),
        case when number % 100 = 1 then now() end
      from generate_series(1, 4000) as number`.execute(watch.owner);
    await sql`insert into webhook_secrets select id, gen_random_uuid(), 'x', null from webhook_endpoints`.execute(
      watch.owner,
    );
    const time = (Date.now() - 86_400_000).toString(16).padStart(12, '0');
    await sql`insert into webhook_events
      select case row_number() over () when 1 then ${event}::uuid
          else (${time} || lpad(to_hex(row_number() over ()), 20, '0'))::uuid end, owner_id, 'transaction.posted',
        gen_random_uuid(), now() - number * interval '1 minute', 'body'
      from generate_series(1, 8) as number, webhook_endpoints`.execute(watch.owner);
    await sql`insert into webhook_deliveries (id, endpoint_id, event_id, owner_id, status, next_attempt_at, created_at)
      select gen_random_uuid(), webhook_endpoints.id, webhook_events.id, owner_id, state,
        case state when 'pending' then now() end, now()
      from webhook_events join webhook_endpoints using (owner_id)
        cross join lateral (select case when random() < 0.05 and webhook_events.id is not null then 'pending' else 'succeeded' end as state) as drawn`.execute(
      watch.owner,
    );
    await sql`insert into webhook_attempts select id, 1, now(), 200, null, 5, 'ok' from webhook_deliveries`.execute(
      watch.owner,
    );
    await sql`analyze`.execute(watch.owner);
  });
  const ways = (work: () => Promise<unknown>) => watch.ways('webhook', work);
  const inTransaction = (
    work: (tx: Parameters<Parameters<ReturnType<typeof watch.db.transaction>['execute']>[0]>[0]) => Promise<unknown>,
  ) => watch.db.transaction().execute(work);
  const page = { before: undefined, limit: 26 };
  const bound = { time: new Date(0) };
  const now = new Date();
  const turn = { endpointId: endpoint, ownerId: owner, url: '', leasedUntil: now, failures: 0, failingSince: null };
  const end = { failures: 0, failingSince: null, restingUntil: null };
  const made = { at: now, latencyMs: 1, status: 200, error: null, answer: null };

  it.each<[string, string[], () => Promise<unknown>]>([
    ['endpoints of a person', ['webhook_endpoints_of_owner'], () => listEndpoints(watch.db, owner, page)],
    ['deliveries of an endpoint', ['webhook_deliveries_of_endpoint'], () => listDeliveries(watch.db, endpoint, page)],
    [
      'deliveries of a person',
      ['webhook_endpoints_of_owner', 'webhook_deliveries_of_endpoint'],
      () => listOwnDeliveries(watch.db, owner, page),
    ],
    ['one delivery', ['webhook_deliveries_pkey'], () => findDelivery(watch.db, owner, newUuid())],
    ['what was told of a transaction', ['webhook_events_of_transaction'], () => listTold(watch.db, newUuid(), owner)],
    ['whose turn it is', ['webhook_endpoints_due'], () => inTransaction((tx) => claimTurns(tx, 64, 0))],
    ['what is due for an endpoint', ['webhook_deliveries_due'], () => listDue(watch.db, endpoint, 8)],
    ['what signs', ['webhook_secrets_pkey'], () => listSecrets(watch.db, endpoint)],
    ['the end of a turn', ['webhook_endpoints_pkey', 'webhook_deliveries_due'], () => endTurn(watch.db, turn, end)],
    [
      'the record of an attempt',
      ['webhook_deliveries_pkey', 'webhook_attempts_pkey'],
      () => recordAttempt(watch.db, newUuid(), made, { status: 'succeeded' }),
    ],
    [
      'what happened in a time',
      ['webhook_events_of_owner'],
      () =>
        inTransaction((tx) =>
          listEventsBetween(tx, { owner, types: ['*'], limit: 10 }, { from: bound, to: { time: now } }),
        ),
    ],
    ['what is given up', ['webhook_deliveries_due'], () => giveUpWaiting(watch.db, endpoint)],
  ])('%s: read by indexes alone', async (_name, indexes, work) => {
    const found = await ways(work);
    expect(found).toEqual(expect.arrayContaining(indexes));
    expect(found).not.toContain('Seq Scan');
  });

  it('the backlog is counted, and old events found, without reading what is neither', async () => {
    expect(await ways(() => measureBacklog(watch.db))).toEqual(expect.arrayContaining(['webhook_endpoints_due']));
    const purged = await ways(() => purgeEvents(watch.db, 300));
    expect(purged).toContain('webhook_events_pkey');
    expect(purged).not.toContain('Seq Scan');
  });

  it('deleting finds its rows by indexes', async () => {
    const found = await ways(async () => {
      await inTransaction((tx) => reopenDeliveries(tx, { endpoint, owner }, []));
      await deleteEndpoints(watch.db, [endpoint]);
      await deleteEventsOf(watch.db, [owner]);
      await endWaitingOfDisabled(watch.db);
    });
    expect(found).toEqual(
      expect.arrayContaining(['webhook_deliveries_of_endpoint', 'webhook_endpoints_pkey', 'webhook_events_of_owner']),
    );
  });
});
