import { trace } from '@opentelemetry/api';
import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger, pino } from 'pino';
import { gatheredOutput } from './gathered-output.ts';
import { describeError, redactFields, redactText } from './redaction.ts';

/** What a process's logger needs to know. */
export interface LoggerOptions {
  /** Stands in every line. */
  service: string;
  /** pino's levels and `silent`. Default `info`. */
  level?: string;
  /** Default: standard output, in time for the last lines before a crash to be there. */
  destination?: DestinationStream;
}

type MakeChild = (this: Logger, bindings: Bindings, options?: ChildLoggerOptions) => Logger;

/**
 * One JSON object per line with `level`, `time` (RFC 3339), `service`, `traceId` inside a request or message, and
 * `msg`. Values under secrets' names and texts that look like secrets are replaced.
 */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const logger = pino(
    {
      level,
      base: { service },
      timestamp,
      formatters: {
        level: (label) => ({ level: label }),
        log: redactFields,
      },
      mixin: activeTrace,
      serializers: { err: (error) => (error instanceof Error ? describeError(error) : error) },
      hooks: { streamWrite: redactText },
    },
    destination ?? gatheredOutput(),
  );
  // Children inherit from this object, so theirs are redacted too; pino has no formatter for their bindings.
  const makeChild = logger.child as unknown as MakeChild;
  const child: MakeChild = function (bindings, options) {
    return makeChild.call(this, redactFields(bindings), options);
  };
  logger.child = child as unknown as typeof logger.child;
  return logger;
}

let stampedMs = 0;
let stamp = '';

// Many lines share a millisecond, and formatting a date costs as much as the rest of a line.
function timestamp(): string {
  const now = Date.now();
  if (now !== stampedMs) stamp = `,"time":"${new Date(now).toISOString()}"`;
  stampedMs = now;
  return stamp;
}

function activeTrace(): { traceId?: string } {
  const span = trace.getActiveSpan();
  return span === undefined ? {} : { traceId: span.spanContext().traceId };
}
