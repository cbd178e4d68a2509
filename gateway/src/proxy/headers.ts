import type { IncomingHttpHeaders } from 'node:http';

// Only what a service may read from a client is forwarded. A list of what to drop would always lack the next
// X-User-Id, X-Original-Url or X-HTTP-Method-Override.
const forwarded = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'last-event-id',
  'user-agent',
]);

// What providers sign their webhooks with.
const webhookHeader = /^(?:webhook-[a-z-]+|(?:[a-z]+-)*(?:signature|timestamp|event|delivery|key-id)(?:-[a-z0-9]+)?)$/;

/** What the gateway itself says about a request to the service behind. */
export interface ForwardedRequest {
  readonly host: string;
  readonly clientAddress: string;
  readonly requestId: string;
  /** Of the body as received; undefined when there is none. */
  readonly contentLength: number | undefined;
  readonly contentType: string | undefined;
  readonly webhook: boolean;
}

/**
 * The headers of the request to the service: the few that are known, and the gateway's own. `traceparent` is left to
 * the instrumentation of the HTTP client, which continues the client's trace.
 */
export function upstreamRequestHeaders(client: IncomingHttpHeaders, about: ForwardedRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in client) {
    const value = client[name];
    const passes = forwarded.has(name) || (about.webhook && webhookHeader.test(name));
    if (passes && typeof value === 'string') headers[name] = value;
  }
  headers.host = about.host;
  headers['x-forwarded-for'] = about.clientAddress;
  headers['x-request-id'] = about.requestId;
  if (about.contentLength !== undefined) {
    headers['content-length'] = String(about.contentLength);
    if (about.contentType !== undefined) headers['content-type'] = about.contentType;
  }
  return headers;
}

const hopByHop = ['connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer', 'upgrade'];
const gatewaysOwn = ['server', 'x-powered-by', 'x-request-id', 'ratelimit', 'ratelimit-policy'];
const dropped = new Set([...hopByHop, ...gatewaysOwn]);
const internal = /^x-(?:internal|florin)-/;

function namedByConnection(connection: string | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive') return [];
  return connection.toLowerCase().split(/\s*,\s*/);
}

/** The service's answer headers without those of its connection, those the gateway sets, and internal ones. */
export function clientResponseHeaders(upstream: IncomingHttpHeaders, securityHeaders: ReadonlySet<string>) {
  const named = namedByConnection(upstream.connection);
  const headers: IncomingHttpHeaders = {};
  for (const name in upstream) {
    if (dropped.has(name) || named.includes(name) || securityHeaders.has(name) || internal.test(name)) continue;
    headers[name] = upstream[name];
  }
  return headers;
}
