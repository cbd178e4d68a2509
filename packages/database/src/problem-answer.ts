import { randomBytes } from 'node:crypto';
import { type ProblemError, problemBody } from '@florin/service';
import { trace } from '@opentelemetry/api';

/**
 * The document of a problem as text, to be stored and sent as it is. It carries the trace id of the request that was
 * refused first; `path` becomes its `instance`.
 */
export function problemAnswer(error: ProblemError, path?: string): { status: number; body: string } {
  const traceId = trace.getActiveSpan()?.spanContext().traceId ?? randomBytes(16).toString('hex');
  const body = problemBody(error, { ...(path !== undefined && { path }), traceId });
  return { status: body.status, body: JSON.stringify(body) };
}
