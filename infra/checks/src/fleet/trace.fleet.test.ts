import { eventually, type Fleet, startFleet } from '@florin/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ancestors, type Collector, type Span, startCollector } from './collector.ts';
import { newCustomer, newPerson } from './people.ts';

describe.each(['embedded', 'rabbitmq'] as const)('one trace, events over %s', (transport) => {
  let collector: Collector;
  let fleet: Fleet;
  beforeAll(async () => {
    collector = await startCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, FLORIN_TRACE_RATIO: '1', OTEL_BSP_SCHEDULE_DELAY: '200' };
    fleet = await startFleet({ transport, env });
  });
  afterAll(async () => {
    await fleet?.stop();
    collector?.close();
  });

  it('shows gateway, service, SQL, publish and consume of a transfer in one tree', async () => {
    const [ada, grace] = [await newCustomer(fleet, 'Ada', '10.00'), await newCustomer(fleet, 'Grace', '1.00')];
    // Events that are consumed together share the SQL of the first: nothing else may be under way.
    for (const { client, account } of [ada, grace]) {
      await client.account(account.id, { minVersion: 1 });
      await eventually(async () => expect((await client.notifications()).data).toHaveLength(2));
    }
    const body = { from: ada.account.id, to: grace.account.id, amount: '1.00', currency: 'USD' };
    const headers = {
      authorization: `Bearer ${ada.accessToken}`,
      'content-type': 'application/json',
      'idempotency-key': 'traced',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    };
    const answer = await fetch(`${fleet.gateway}/v1/transfers`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(201);

    await eventually(
      () => {
        const tree = collector.spans.filter(({ traceId }) => traceId === '4bf92f3577b34da6a3ce929d0e0e4736');
        const find = (service: string, name: RegExp): Span => {
          const span = tree.find((candidate) => candidate.service === service && name.test(candidate.name));
          if (!span)
            throw new Error(`${service} has no span ${name}: ${tree.map((s) => `${s.service} ${s.name}`).join(', ')}`);
          return span;
        };
        const posted = 'transactions.transaction.posted.v1';
        const sql = find('transactions', /^pg\.query:write_batch commit$/);
        expect(ancestors(tree, sql).join(' < ')).toMatch(/transactions ledger\.post .*gateway/);
        const published = find('transactions', new RegExp(`^publish ${posted}`));
        expect(ancestors(tree, published).join(' < ')).toMatch(/transactions .*gateway/);
        for (const service of ['accounts', 'notification']) {
          const consumed = find(service, new RegExp(`^process ${posted}`));
          // Both follow from the change: the event is not rewritten when it is published.
          expect(consumed.parentSpanId).toBe(published.parentSpanId);
          expect(ancestors(tree, consumed).join(' < ')).toMatch(/transactions .*gateway/);
          expect(
            tree.filter(({ parentSpanId }) => parentSpanId === consumed.spanId).map(({ name }) => name),
          ).not.toEqual([]);
        }
      },
      { timeoutMs: 15_000 },
    );
  });

  it('holds no password, token or address of a person', async () => {
    const ada = await newPerson(fleet, 'Ada');
    await eventually(() => expect(collector.spans.some(({ name }) => name.includes('/v1/auth/login'))).toBe(true));
    const everything = JSON.stringify(collector.spans);
    for (const secret of [ada.password, ada.accessToken, ada.email, fleet.admin.password]) {
      expect(everything).not.toContain(secret);
    }
  });

  it('an error names the trace, and the log lines of every process it went through do too', async () => {
    const ada = await newCustomer(fleet, 'Ada', '1.00');
    const answer = await fetch(`${fleet.gateway}/v1/transactions/txn_01h455vb4pex5vsknk084sn02q`, {
      headers: { authorization: `Bearer ${ada.accessToken}`, 'x-request-id': 'follow-me' },
    });
    const { traceId, code } = (await answer.json()) as { traceId: string; code: string };
    expect(code).toBe('not_found');
    expect(answer.headers.get('x-request-id')).toBe('follow-me');
    await eventually(() => {
      for (const name of ['gateway', 'transactions']) {
        const line = fleet
          .logs(name)
          .split('\n')
          .find((candidate) => candidate.includes('follow-me'));
        expect(line, name).toContain(traceId);
      }
    });
  });
});
