import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { SendResult } from './send-webhook.ts';

/** What a span tells of an attempt: ids alone. A customer's URL may hold secrets of his. */
export interface AttemptFacts {
  /** `whe_…` */
  readonly endpoint: string;
  /** `evt_…` */
  readonly event: string;
  readonly type: string;
  /** Counts from 1. */
  readonly attempt: number;
}

/** Makes an attempt in a trace of its own. The request itself is in none: what goes to strangers carries no id of a trace. */
export async function traceAttempt(facts: AttemptFacts, send: () => Promise<SendResult>): Promise<SendResult> {
  const attributes = {
    ...{ 'webhook.endpoint': facts.endpoint, 'webhook.event': facts.event },
    ...{ 'webhook.type': facts.type, 'webhook.attempt': facts.attempt },
  };
  const span = trace
    .getTracer('florin.notification')
    .startSpan('deliver webhook', { kind: SpanKind.CLIENT, attributes }, ROOT_CONTEXT);
  try {
    const result = await context.with(ROOT_CONTEXT, send);
    if ('status' in result) span.setAttribute('http.response.status_code', result.status);
    else span.setStatus({ code: SpanStatusCode.ERROR, message: result.error });
    return result;
  } finally {
    span.end();
  }
}
