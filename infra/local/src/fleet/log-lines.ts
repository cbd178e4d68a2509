const rank: Record<string, number> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };
const known = new Set(['level', 'time', 'service', 'msg', 'err', 'requestId', 'traceId', 'pid', 'hostname']);

// Most lines are never shown: they need not be parsed for that.
const quiet = /^\{"level":"(?:trace|debug|info)"/;

// What Node prints around an uncaught error's message: stack frames, source lines, its version.
const noise = /^\s*(at .*|\^+|throw .*|Node\.js v.*|file:\/\/.*|\}|)\s*$/;

/**
 * A service's JSON log line as a person at a terminal wants it, or undefined for lines not worth their attention: shown
 * are warnings and worse of every service, and one line per request of the gateway. The full lines are in the log files.
 */
export function readableLine(service: string, line: string): string | undefined {
  if (quiet.test(line) && !(service === 'gateway' && line.includes('"msg":"request"'))) return undefined;
  const record = parse(line);
  if (record === undefined) return noise.test(line) ? undefined : format(now(), 'error', service, line.trim());
  const level = String(record.level);
  const isRequest = service === 'gateway' && record.msg === 'request' && !String(record.route).startsWith('/health');
  if ((rank[level] ?? 30) < 40 && !isRequest) return undefined;
  return format(timeOf(record.time), level, service, isRequest ? requestText(record) : messageText(record));
}

/** One line in the same columns, from the supervisor itself. */
export function ownLine(text: string, level = 'info'): string {
  return format(now(), level, 'florin', text);
}

function format(time: string, level: string, service: string, text: string): string {
  return `${time} ${level.padEnd(5)} ${service.padEnd(16)} ${text}`;
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function requestText({ method, route, status, ms, code, traceId }: Record<string, unknown>): string {
  const problem = code === undefined ? '' : ` ${code}`;
  return `${method} ${route} ${status}${problem} ${ms} ms  trace ${traceId}`;
}

function messageText(record: Record<string, unknown>): string {
  const error = record.err;
  const cause = typeof error === 'object' && error !== null && 'message' in error ? `: ${error.message}` : '';
  const details = Object.entries(record)
    .filter(([name, value]) => !known.has(name) && (typeof value === 'string' || typeof value === 'number'))
    .map(([name, value]) => ` ${name}=${value}`);
  return `${record.msg ?? ''}${cause}${details.join('')}`;
}

function timeOf(time: unknown): string {
  return typeof time === 'string' ? time.slice(11, 19) : now();
}

function now(): string {
  return new Date().toISOString().slice(11, 19);
}
