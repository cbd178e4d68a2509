import swagger, { type SwaggerTransform } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { problemSchema } from './problems.ts';

/** Head of a service's OpenAPI document. */
export interface OpenApiInfo {
  title: string;
  description: string;
  tags?: { name: string; description: string }[];
}

type Responses = Record<string, Record<string, unknown>>;
interface ObjectSchema {
  required?: string[];
  properties?: Record<string, { default?: unknown }>;
}

const problemReference = { $ref: 'Problem#' };

function describeResponses(responses: unknown): Responses {
  const described = Object.entries((responses ?? {}) as Responses).map(([status, response]) => {
    const content = response.content as Record<string, unknown> | undefined;
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
  const original: FastifySchema = schema ?? {};
  const access = (route.config as { access?: unknown } | undefined)?.access;
  const described = {
    ...original,
    ...(original.querystring ? { querystring: withoutDefaulted(original.querystring) } : {}),
    ...(access === 'public' ? { security: [] } : {}),
    response: describeResponses(original.response),
  };
  return { schema: described as FastifySchema, url };
};

/**
 * Collects routes into an OpenAPI 3.1 document, shown at GET /internal/openapi.json unless `route` is false. Call before
 * any route is added.
 * Public routes (`config.access: 'public'`) are documented without security; every error answers with Problem.
 */
export function installOpenApi(app: FastifyInstance, info: OpenApiInfo, options: { route: boolean }): void {
  app.addSchema(problemSchema);
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
