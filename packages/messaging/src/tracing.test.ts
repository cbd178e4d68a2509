import { packEvents, serialize } from '@florin/database';
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { beforeEach, describe, expect, test } from 'vitest';
import { recordSpans } from './testing/recording-tracer.ts';
import { ledgerEvent } from './testing/stage.ts';
import { traceProcess, tracePublish } from './tracing.ts';

const spans = recordSpans();
beforeEach(() => {
  spans.length = 0;
});

/** An event made inside a span, as a service makes it. */
function eventInTrace(sampled = true) {
  const request = trace.getTracer('test').startSpan('request', {}, ROOT_CONTEXT);
  const own = { ...request.spanContext(), traceFlags: sampled ? 1 : 0 };
  const active = trace.setSpanContext(ROOT_CONTEXT, own);
  return { request: own, event: context.with(active, () => ledgerEvent(1)) };
}

test('an event carries the trace in which it was made', () => {
  const { request, event } = eventInTrace();
  expect(event.traceparent).toBe(`00-${request.traceId}-${request.spanId}-01`);
});

describe('tracePublish', () => {
  test('each event has a PRODUCER span of its own, child of the change that made it, and goes on as it is', async () => {
    const made = [eventInTrace(), eventInTrace()];
    let isPublished = false;
    await tracePublish(
      made.map(({ event }) => serialize(event)),
      async () => {
        isPublished = true;
      },
    );
    expect(isPublished).toBe(true);
    const producers = spans.filter((span) => span.kind === SpanKind.PRODUCER);
    expect(producers.map((span) => span.name)).toEqual(Array(2).fill('publish transactions.ledger-account.opened.v1'));
    for (const [index, span] of producers.entries()) {
      expect(span.parent).toMatchObject({ spanId: made[index]?.request.spanId, isRemote: true });
      expect(span.ended).toBe(true);
    }
  });

  test('of packed events, those whose trace is recorded have one', async () => {
    const made = Array.from({ length: 10 }, (_, index) => eventInTrace(index % 5 === 0));
    const parcels = packEvents(made.map(({ event }) => serialize(event)));
    expect(parcels).toHaveLength(1);
    await tracePublish(parcels, async () => {});
    const producers = spans.filter((span) => span.kind === SpanKind.PRODUCER);
    const recorded = [made[0], made[5]];
    expect(producers.map((span) => span.parent?.spanId)).toEqual(recorded.map((one) => one?.request.spanId));
    expect(producers.map((span) => span.name)).toEqual(Array(2).fill('publish transactions.ledger-account.opened.v1'));
  });

  test('an event of a trace that is not recorded has no span', async () => {
    await tracePublish([serialize(eventInTrace(false).event)], async () => {});
    expect(spans.filter((span) => span.kind === SpanKind.PRODUCER)).toEqual([]);
  });

  test('an event outside any trace is published; a failure marks the spans and is thrown', async () => {
    const failing = tracePublish([serialize(ledgerEvent(1))], async () => {
      throw new Error('away');
    });
    await expect(failing).rejects.toThrow('away');
    expect(spans).toMatchObject([{ parent: undefined, ended: true, status: { code: SpanStatusCode.ERROR } }]);
  });
});

describe('traceProcess', () => {
  test('the effect runs inside the CONSUMER span of the first sampled event; the others link to it', async () => {
    const [unsampled, sampled, another] = [eventInTrace(false), eventInTrace(), eventInTrace()];
    const events = [unsampled, sampled, another].map(({ event }) => event);
    const active = await traceProcess('accounts.ledger', events, async () => trace.getActiveSpan()?.spanContext());
    expect(active?.traceId).toBe(sampled.request.traceId);
    const consumers = spans.filter((span) => span.kind === SpanKind.CONSUMER);
    expect(consumers).toHaveLength(2);
    for (const { request } of [sampled, another]) {
      const own = consumers.find((span) => span.context.traceId === request.traceId);
      expect(own).toMatchObject({ name: 'process transactions.ledger-account.opened.v1', ended: true });
      expect(own?.parent?.spanId).toBe(request.spanId);
      expect(own?.links.map((link) => link.context.spanId)).toEqual(
        own?.context.spanId === active?.spanId ? [] : [active?.spanId],
      );
    }
  });

  test('where no trace is recorded, the effect still runs in the trace of the first event', async () => {
    const made = [eventInTrace(false), eventInTrace(false)];
    const events = made.map(({ event }) => event);
    const active = await traceProcess('accounts.ledger', events, async () => trace.getActiveSpan()?.spanContext());
    expect(active?.traceId).toBe(made[0]?.request.traceId);
    expect(spans.filter((span) => span.kind === SpanKind.CONSUMER)).toHaveLength(1);
  });

  test('a traceparent that is none is ignored', async () => {
    const event = { ...ledgerEvent(1), traceparent: '00-zz-yy-01' };
    await traceProcess('accounts.ledger', [event], async () => {});
    expect(spans).toMatchObject([{ parent: undefined }]);
  });
});
