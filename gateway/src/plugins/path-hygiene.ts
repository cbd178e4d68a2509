import type { IncomingMessage } from 'node:http';
import { problem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

// Florin's paths are plain: ids, dates and provider names need no escapes, so one spelling of a path exists and the
// route chosen here is the route the service runs.
const plainPath = /^\/(?:[A-Za-z0-9._~:@!$&'()*+,=-]+\/)*[A-Za-z0-9._~:@!$&'()*+,=-]*$/;
const dotSegment = /\/\.{1,2}(?:\/|$)/;
const printableAscii = /^[\x21-\x7e]*$/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;
const controlEscape = /%(?:[01][0-9A-Fa-f]|7[Ff])/;

/**
 * Says what is wrong with a raw request target, or nothing when it has the one spelling the gateway accepts:
 * a path of plain segments (no escapes, empty or dot segments, `;`, backslashes), and a query of printable ASCII whose
 * escapes are whole, valid UTF-8 and no control characters.
 */
export function targetFault(target: string): string | undefined {
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  if (!plainPath.test(path)) return 'The path has characters or escapes that no path of this API has.';
  if (dotSegment.test(path)) return 'The path has dot segments.';
  return queryAt < 0 ? undefined : queryFault(target.slice(queryAt + 1));
}

function queryFault(query: string): string | undefined {
  if (!printableAscii.test(query)) return 'The query string has characters that must be percent-encoded.';
  if (query.includes('#')) return 'A request target has no fragment.';
  if (!query.includes('%')) return undefined;
  if (brokenEscape.test(query) || controlEscape.test(query))
    return 'The query string has escapes that are not allowed.';
  try {
    decodeURIComponent(query);
  } catch {
    return 'The query string is not UTF-8.';
  }
  return undefined;
}

// A second one of these is dropped or joined by Node, so that gateway and service could read different requests.
const singleHeaders = new Set(['host', 'authorization', 'content-type', 'content-length', 'idempotency-key']);
const validHost = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The name, in lower case, of a header that must stand once and stands again in the raw list of names and values. */
function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  const seen: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!singleHeaders.has(name)) continue;
    if (seen.includes(name)) return name;
    seen.push(name);
  }
  return undefined;
}

function headerFault({ rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  const { host, expect } = headers;
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined) return `The header ${repeated} stands more than once.`;
  if (host === undefined) return httpVersion === '1.0' ? undefined : 'The header host is missing.';
  if (!validHost.test(host)) return 'The header host is malformed.';
  const known = expect === undefined || expect.toLowerCase() === '100-continue';
  return known ? undefined : 'The header expect asks for what nobody knows.';
}

/**
 * Refuses ambiguous requests with 400 before anything else looks at them. Register it before every other plugin:
 * hooks run in that order, also for requests without a route.
 */
export const pathHygiene = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, done) => {
      const { raw } = request;
      const fault = targetFault(raw.url ?? '') ?? headerFault(raw) ?? bodyFault(request);
      done(fault === undefined ? undefined : problem('validation_failed', fault));
    });
  },
  { name: 'florin-path-hygiene' },
);

function bodyFault({ method, headers }: { method: string; headers: Record<string, unknown> }): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const carriesBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return carriesBody ? `${method} requests carry no body.` : undefined;
}
