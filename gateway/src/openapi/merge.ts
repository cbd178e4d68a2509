import { isDeepStrictEqual } from 'node:util';
import type { GatewayRoute } from '../routes.ts';
import { type UpstreamName, upstreamNames } from '../upstreams.ts';
import { accessFault, callsWithoutRow } from './compare.ts';
import type { OpenApiDocument, Operation, PathItem, Tag } from './document.ts';
import { ownPaths } from './own-paths.ts';

/** The services' documents don't make one document; the message lists every reason. */
export class MergeError extends Error {
  override name = 'MergeError';
}

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const retryAfter = { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } } };

// What the gateway may answer to any forwarded request, beside what the service documents.
const gatewayResponses = {
  429: { description: 'rate_limited', headers: retryAfter, content: problemContent },
  503: { description: 'upstream_unavailable', headers: retryAfter, content: problemContent },
  504: { description: 'upstream_timeout', headers: retryAfter, content: problemContent },
};
const unauthenticated = { 401: { description: 'unauthenticated, token_expired', content: problemContent } };

type Responses = Record<string, { description?: string }>;

/** Both answers of one status are one answer with the codes of both. */
function withGatewayResponses(theirs: Responses, ours: Responses): Responses {
  const added = Object.entries(ours).map(([status, response]) => {
    const codes = [theirs[status]?.description, response.description].flatMap((text) => text?.split(', ') ?? []);
    return [status, { ...response, ...theirs[status], description: [...new Set(codes)].join(', ') }] as const;
  });
  return { ...theirs, ...Object.fromEntries(added) };
}

function publicOperation(route: GatewayRoute, operation: Operation): Operation {
  const added = route.access === 'public' ? gatewayResponses : { ...gatewayResponses, ...unauthenticated };
  return { ...operation, responses: withGatewayResponses((operation.responses ?? {}) as Responses, added) };
}

class Collector {
  readonly faults: string[] = [];
  readonly paths: Record<string, PathItem> = { ...ownPaths };
  readonly schemas: Record<string, unknown> = {};
  readonly #operationIds = new Set<string>();

  addRoute(route: GatewayRoute, document: OpenApiDocument): void {
    const call = `${route.method} ${route.path}`;
    const operation = document.paths[route.path]?.[route.method.toLowerCase()];
    if (operation === undefined) {
      this.faults.push(`${route.upstream} does not document ${call}`);
      return;
    }
    const fault = accessFault(route, operation);
    if (fault !== undefined) this.faults.push(fault);
    const { operationId } = operation;
    if (operationId === undefined) this.faults.push(`${call} has no operationId`);
    else if (this.#operationIds.has(operationId)) this.faults.push(`two calls have the operationId ${operationId}`);
    else this.#operationIds.add(operationId);
    const item = this.paths[route.path] ?? {};
    this.paths[route.path] = { ...item, [route.method.toLowerCase()]: publicOperation(route, operation) };
  }

  addSchemas(upstream: UpstreamName, document: OpenApiDocument): void {
    for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
      if (name in this.schemas && !isDeepStrictEqual(this.schemas[name], schema)) {
        this.faults.push(`the schema ${name} of ${upstream} differs from that of another service`);
      }
      this.schemas[name] = schema;
    }
  }
}

function mergeTags(documents: readonly OpenApiDocument[], used: ReadonlySet<string>): Tag[] {
  const described = new Map<string, Tag>();
  for (const tag of documents.flatMap((document) => document.tags ?? [])) {
    if (used.has(tag.name) && !described.has(tag.name)) described.set(tag.name, tag);
  }
  for (const name of used) if (!described.has(name)) described.set(name, { name });
  return [...described.values(), { name: 'gateway', description: 'The gateway itself' }];
}

function usedTags(paths: Record<string, PathItem>): Set<string> {
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const names = new Set(operations.flatMap((operation) => operation.tags ?? []));
  names.delete('gateway');
  return names;
}

/**
 * One document of everything that can be called through the gateway: the rows of the route table as their services
 * describe them, in the table's order. Throws MergeError when a row is not documented, a documented call has no row, the
 * two say differently who may call, or names clash.
 */
export function mergeDocuments(
  routes: readonly GatewayRoute[],
  documents: Readonly<Record<UpstreamName, OpenApiDocument>>,
): OpenApiDocument {
  const collector = new Collector();
  for (const route of routes) collector.addRoute(route, documents[route.upstream]);
  for (const name of upstreamNames) collector.addSchemas(name, documents[name]);
  const forgotten = callsWithoutRow(routes, documents).map((call) => `${call} has no row in the route table`);
  collector.faults.push(...forgotten);
  if (collector.faults.length > 0) throw new MergeError(collector.faults.join('\n'));
  const { paths, schemas } = collector;
  return {
    openapi: '3.1.0',
    info: {
      title: 'Florin API',
      version: '1.0.0',
      description: 'Customers, accounts, money and notifications. Every error is a problem document (RFC 9457).',
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The gateway that serves this document' }],
    security: [{ bearer: [] }],
    tags: mergeTags(
      upstreamNames.map((name) => documents[name]),
      usedTags(paths),
    ),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Access token of POST /v1/auth/login, or an API key (`flk_…`)',
        },
      },
    },
  };
}
