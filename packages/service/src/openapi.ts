import swagger, { type SwaggerTransform } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { type ProblemCode, problemResponses, problemSchema } from './problems.ts';

/** Head of a service's OpenAPI document. */
export interface OpenApiInfo {
  title: string;
  description: string;
  tags?: { name: string; description: string }[];
}

type Responses = Record<string, { description?: string; content?: Record<string, unknown> }>;
interface ObjectSchema {
  required?: string[];
  properties?: Record<string, { default?: unknown }>;
}
type Route = Parameters<SwaggerTransform>[0]['route'];
/** Who may call, as the access control of the app has written it into the schema; without one nothing is known. */
type DescribedSchema = FastifySchema & {
  security?: readonly { bearer?: readonly string[] }[];
  'x-roles'?: readonly string[];
  'x-api-keys'?: boolean;
  'x-step-up'?: boolean;
};

const problemReference = { $ref: 'Problem#' };
const withoutBody = new Set(['GET', 'HEAD']);

function accessCodes(schema: DescribedSchema): ProblemCode[] {
  const { security, 'x-roles': roles, 'x-api-keys': apiKeys } = schema;
  const [needs] = security ?? [];
  if (!needs) return [];
  const codes: ProblemCode[] = ['unauthenticated', 'token_expired'];
  if (roles || !apiKeys) codes.push('forbidden');
  if (needs.bearer?.length) codes.push('insufficient_scope');
  if (schema['x-step-up']) codes.push('step_up_required');
  return codes;
}

/** What a route of this kind may answer with before its handler is asked. */
function generalCodes(schema: DescribedSchema, { method }: Route): ProblemCode[] {
  const codes: ProblemCode[] = [...accessCodes(schema), 'validation_failed', 'upstream_unavailable'];
  if (schema.params) codes.push('not_found');
  const takesBody = ![method].flat().every((name) => withoutBody.has(name));
  return takesBody ? [...codes, 'payload_too_large', 'unsupported_media_type'] : codes;
}

function describeResponses(schema: DescribedSchema, route: Route): Responses {
  const responses = { ...(schema.response as Responses | undefined) };
  for (const [status, general] of Object.entries(problemResponses(...generalCodes(schema, route)) as Responses)) {
    const codes = [responses[status], general].flatMap((response) => response?.description?.split(', ') ?? []);
    responses[status] = { ...general, ...responses[status], description: [...new Set(codes)].join(', ') };
  }
  const described = Object.entries(responses).map(([status, response]) => {
    const { content } = response;
    if (content && 'application/problem+json' in content) {
      const problems = { 'application/problem+json': { schema: problemReference } };
      return [status, { ...response, content: { ...content, ...problems } }] as const;
    }
    return [status, response] as const;
  });
  const fallback = {
    description: 'Any other error',
    content: { 'application/problem+json': { schema: problemReference } },
  };
  return { ...Object.fromEntries(described), default: fallback };
}

// A parameter with a default is never missing for the handler, and never needed from the client.
function withoutDefaulted(schema: unknown): unknown {
  const { required, properties } = schema as ObjectSchema;
  if (!required || !properties) return schema;
  return { ...(schema as object), required: required.filter((name) => properties[name]?.default === undefined) };
}

const transform: SwaggerTransform = ({ schema, url, route }) => {
  const original: DescribedSchema = schema ?? {};
  const described = {
    ...original,
    ...(original.querystring ? { querystring: withoutDefaulted(original.querystring) } : {}),
    response: describeResponses(original, route),
  };
  return { schema: described as FastifySchema, url };
};

/**
 * Collects routes into an OpenAPI 3.1 document, shown at GET /internal/openapi.json unless `route` is false. Call before
 * any route is added. Every error answers with Problem; those that come before the handler stand in every operation.
 * A route under /v1/ cannot be hidden: what is not documented is looked at by no check.
 */
export function installOpenApi(app: FastifyInstance, info: OpenApiInfo, options: { route: boolean }): void {
  app.addSchema(problemSchema);
  app.addHook('onRoute', ({ url, schema }) => {
    if (schema?.hide && url.startsWith('/v1/')) throw new Error(`${url} is hidden: routes under /v1/ are documented`);
  });
  // Called, not registered: its hook must be there before the first route, and registering waits for the next tick.
  swagger(
    app,
    {
      openapi: {
        openapi: '3.1.0',
        info: { title: info.title, description: info.description, version: '1.0.0' },
        ...(info.tags ? { tags: info.tags } : {}),
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
        security: [{ bearer: [] }],
      },
      transform,
      refResolver: {
        buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `Schema${index}`),
      },
    },
    () => undefined,
  );
  if (!options.route) return;
  app.get('/internal/openapi.json', { config: { operational: true }, schema: { hide: true } }, async () =>
    openApiDocument(app),
  );
}

/** The document of all routes so far. The app must be ready. */
export function openApiDocument(app: FastifyInstance): object {
  return app.swagger();
}
