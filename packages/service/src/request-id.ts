import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { context, isValidTraceId, trace } from '@opentelemetry/api';
import { newUuid } from './ids.ts';

/** The caller's X-Request-Id where it is 1..128 visible ASCII characters, else a new one. */
export function requestId(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : newUuid();
}

/** 32 hex digits: the active span's trace, else the caller's `traceparent`, else a new one. */
export function traceId(headers: IncomingHttpHeaders): string {
  const active = trace.getSpanContext(context.active())?.traceId;
  if (active !== undefined && isValidTraceId(active)) return active;
  const parent = headers.traceparent;
  const given =
    typeof parent === 'string' ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(parent)?.[1] : undefined;
  return given !== undefined && isValidTraceId(given) ? given : randomBytes(16).toString('hex');
}
